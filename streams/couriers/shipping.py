"""One parcel, one label: shipments made through the ledger of effects.

The key is claimed before the courier is called, and no courier has a key of its own. So a call
whose answer is lost is never repeated before the courier was asked for our reference, several
times over half an hour: an index may be late. What is found is ours. What is still not there then
was never made, and is made anew. A courier that cannot be asked leaves it `unknown` for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from connectors.couriers.client import CourierClient
from connectors.couriers.errors import CourierError
from connectors.couriers.labels import BadLabel
from connectors.couriers.model import Created
from connectors.errors import ConnectorError, Paused, Refused, Retry, Unknown
from connectors.protocol import Connection
from schemas.base import Fields
from schemas.clock import unix_ms
from schemas.command import Perform
from schemas.envelope import rfc3339
from streams.couriers.following import Following
from streams.couriers.lines import CourierLines
from streams.couriers.paces import NotNow, Paces, account_of
from streams.couriers.shipments import Shipments, Wanted
from streams.directory import Directory
from streams.effects.ledger import Entry, Ledger

log = structlog.get_logger(__name__)

CALL_S = 50.0
"""Below the ledger's patience with a claim: who takes over never meets a call under way."""
LOOKUPS_S = (5.0, 15.0, 60.0, 300.0, 900.0, 1800.0)
"""After the call, when the courier is asked for our reference."""
AGAIN_MS = 10_000
AWAY_MS = 5_000
BUSY_MS = 65_000
OLD_MS = 5_000
"""A claim older than this when the call is about to be made: the process was held up, and by the
time it calls somebody else may have called."""
WAITS_MS = 30_000
REFUSED_MS = 6 * 3_600_000
"""A key that was refused counts as refused for so long: what it was to make is not tried again."""
NO_LOOKUP = (
    "The courier gave no answer and cannot be asked by our reference. Look in its portal, then "
    "tell us: POST /api/shipments/{id}/settle with the number, or that it was not made."
)


class Disconnected(Paused):
    """There is no connection to the courier now."""


class NotCancelled(Exception):
    """It stands as it was. The text tells why."""


class Shipper:
    """Any number of processes may have one. Errors: PyMongo's own, PublishFailed: then the same
    again is safe."""

    def __init__(
        self,
        *,
        shipments: Shipments,
        following: Following,
        ledger: Ledger,
        directory: Directory,
        lines: CourierLines,
        paces: Paces,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self.shipments = shipments
        self.following = following
        self._ledger = ledger
        self._directory = directory
        self._lines = lines
        self._paces = paces
        self._clock_ms = clock_ms

    async def ship(self, wanted: Wanted) -> Wanted:
        """As far as it goes now; the row as it then is. The same again makes nothing twice."""
        if wanted.state in ("created", "cancelled", "refused"):
            return wanted
        now_ms = self._clock_ms()
        if wanted.state == "unknown" and now_ms < wanted.next_ms:
            return wanted
        try:
            connection, client = await self._line(wanted)
        except Disconnected as error:
            # It may just have been connected: other processes read that within seconds.
            if wanted.state == "unknown":
                return await self._untouched(wanted, str(error))
            return await self._later(wanted, str(error), AWAY_MS)
        except Paused as error:
            return await self._untouched(wanted, str(error))
        if wanted.state == "waiting":
            try:
                pace = client.traits.pace
                await self._paces.reserve(account_of(connection), pace, counted=False)
            except NotNow as error:
                return await self._later(wanted, str(error), 1000 * error.retry_after_s)
        # Should this process end in the call, another goes on when the claim is nobody's.
        await self.shipments.set(wanted.id, nextMs=max(wanted.next_ms, now_ms + BUSY_MS))
        entry = await self._ledger.claim(perform_of(wanted, now_ms), now_ms)
        if entry.mine:
            return await self._create(wanted, connection, client, entry)
        if entry.state == "claimed":
            return await self._later(wanted, "being made by another process", BUSY_MS)
        if entry.state == "sent":
            made = Created(wanted.courier, entry.vendor_id, wanted.reference, ids=dict(wanted.ids))
            return await self._finish(wanted, connection, client, made)
        if entry.state == "failed":
            return await self._cancelled(wanted)
        return await self._look(wanted, connection, client, entry)

    async def _untouched(self, wanted: Wanted, reason: str) -> Wanted:
        """The courier cannot be called at all. What is unknown stays so."""
        if wanted.state == "unknown":
            return await self._state(wanted, "unknown", reason, nextMs=self._clock_ms() + BUSY_MS)
        return await self._state(wanted, "refused", reason, nextMs=0)

    async def settle(self, wanted: Wanted, number: str) -> Wanted:
        """A person has looked in the courier's portal: the number it has there, or nothing where it
        was not made. Only of what is unknown."""
        if wanted.state != "unknown":
            return wanted
        now_ms = self._clock_ms()
        command = perform_of(wanted, now_ms)
        if number:
            await self._ledger.settle(command, "sent", now_ms, number)
        else:
            await self._ledger.settle(command, "released", now_ms, reason="not made, says a person")
        await self.shipments.set(wanted.id, state="waiting", nextMs=now_ms)
        return await self.ship(replace(wanted, state="waiting"))

    async def cancel(self, wanted: Wanted) -> Wanted:
        """Raises NotCancelled."""
        if wanted.state in ("waiting", "refused"):
            entry = await self._ledger.claim(perform_of(wanted, self._clock_ms()), self._clock_ms())
            if not entry.mine:
                raise NotCancelled("It is being made at this moment. Try again in a minute.")
            reason = "cancelled before it was made"
            await self._ledger.settle(
                perform_of(wanted, 0), "failed", self._clock_ms(), reason=reason
            )
            return await self._cancelled(wanted)
        if not wanted.ours:
            raise NotCancelled("Your own app made this shipment: cancel it there.")
        if wanted.state != "created":
            raise NotCancelled("Nobody knows yet whether it was made. Wait until that is settled.")
        try:
            _, client = await self._line(wanted)
            made = Created(
                wanted.courier, wanted.number, wanted.reference, wanted.pieces, ids=dict(wanted.ids)
            )
            await client.cancel(made)
        except Unknown as error:
            raise NotCancelled(f"No answer came: {error}. Try again; twice does no harm.") from None
        except ConnectorError as error:
            raise NotCancelled(str(error)) from None
        return await self._cancelled(wanted)

    async def _cancelled(self, wanted: Wanted) -> Wanted:
        changes: dict[str, Any] = {"state": "cancelled", "reason": "", "nextMs": 0}
        if wanted.cod:
            changes["cod.state"] = "cancelled"
        await self.shipments.set(wanted.id, **changes)
        if wanted.number:
            await self.following.cancelled(wanted.organization_id, wanted.id)
        return replace(wanted, state="cancelled", reason="")

    async def _line(self, wanted: Wanted) -> tuple[Connection, CourierClient[Any]]:
        found = await self._directory.connection(wanted.organization_id, wanted.replica)
        if found is None or not found.active:
            raise Disconnected(f"The courier {wanted.courier} is not connected, or paused.")
        return found, await self._lines.client(found)

    async def _create(
        self, wanted: Wanted, connection: Connection, client: CourierClient[Any], entry: Entry
    ) -> Wanted:
        """The one call. Whatever ends this process in it leaves a claim, which means unknown."""
        command, now_ms = perform_of(wanted, self._clock_ms()), self._clock_ms
        claimed_ms = entry.claimed_at_ms
        if now_ms() - claimed_ms > OLD_MS:
            return await self._later(wanted, "this process was held up", BUSY_MS)
        asked = wanted.shipment(now_ms())
        try:
            self._ledger.begin(command, entry)
        except (OSError, LookupError) as error:
            failed = Retry(f"it could not be noted down: {error}")
            return await self._untaken(wanted, command, failed, claimed_ms)
        try:
            async with asyncio.timeout(CALL_S):
                answer = await client.create([asked])
        except (Unknown, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            await self._ledger.settle(
                command, "unknown", now_ms(), reason=reason, claimed_at_ms=claimed_ms
            )
            await self._heard(connection, error)
            return await self._unknown(wanted, client, reason)
        except ConnectorError as error:
            untaken = await self._untaken(wanted, command, error, claimed_ms)
            await self._heard(connection, error)
            return untaken
        if answer.created:
            made = answer.created[0]
            await self._ledger.settle(command, "sent", now_ms(), made.number)
            await self._heard(connection)
            return await self._finish(wanted, connection, client, made)
        if answer.refused:
            untaken = await self._untaken(wanted, command, answer.refused[0], claimed_ms)
            await self._heard(connection, answer.refused[0])
            return untaken
        reason = "the courier's answer does not mention it"
        await self._ledger.settle(
            command, "unknown", now_ms(), reason=reason, claimed_at_ms=claimed_ms
        )
        return await self._unknown(wanted, client, reason)

    async def _heard(self, connection: Connection, error: Exception | None = None) -> None:
        """Whether the courier is there and takes our key, kept for people. A refusal is an
        answer."""
        account, now_ms = account_of(connection), self._clock_ms()
        if error is None or (isinstance(error, Refused) and not isinstance(error, Paused)):
            await self._paces.worked(account, "shipping")
            return
        until_ms = now_ms + (REFUSED_MS if isinstance(error, Paused) else 0)
        await self._paces.failed(account, "shipping", until_ms, error)

    async def _untaken(
        self, wanted: Wanted, command: Perform, error: ConnectorError, claimed_ms: int
    ) -> Wanted:
        """Surely not made: the key is free again, for later or for a corrected request."""
        await self._ledger.settle(
            command, "released", self._clock_ms(), reason=str(error), claimed_at_ms=claimed_ms
        )
        if isinstance(error, Refused):
            return await self._state(wanted, "refused", str(error), nextMs=0)
        wait_s = error.retry_after_s if isinstance(error, Retry | CourierError) else None
        return await self._later(wanted, str(error), 1000 * (wait_s or AGAIN_MS / 1000))

    async def _look(
        self,
        wanted: Wanted,
        connection: Connection,
        client: CourierClient[Any],
        entry: Entry,
    ) -> Wanted:
        """A lost answer is settled by our reference, and by nothing else."""
        if "lookup" not in client.traits.operations:
            return await self._unknown(wanted, client, entry.reason)
        now_ms = self._clock_ms()
        try:
            numbers = await client.lookup(wanted.reference)
        except ConnectorError as error:
            reason = f"no answer yet; looking it up: {error}"
            return await self._state(wanted, "unknown", reason, nextMs=now_ms + WAITS_MS)
        command = perform_of(wanted, now_ms)
        if numbers:
            await self._ledger.settle(command, "sent", now_ms, numbers[0])
            made = Created(wanted.courier, numbers[0], wanted.reference)
            return await self._finish(wanted, connection, client, made)
        if wanted.lookups + 1 < len(LOOKUPS_S):
            return await self._unknown(
                replace(wanted, lookups=wanted.lookups + 1), client, entry.reason
            )
        reason = "asked for half an hour, the courier does not know it: it was not made"
        await self._ledger.settle(
            command, "released", now_ms, reason=reason, claimed_at_ms=entry.claimed_at_ms
        )
        log.info("a shipment is made anew", shipment=wanted.id, courier=wanted.courier)
        return await self._later(replace(wanted, lookups=0), reason, 0)

    async def _unknown(self, wanted: Wanted, client: CourierClient[Any], reason: str) -> Wanted:
        if "lookup" not in client.traits.operations:
            text = f"{reason}. {NO_LOOKUP.replace('{id}', wanted.id)}"
            return await self._state(wanted, "unknown", text, nextMs=0)
        apart_s = LOOKUPS_S[wanted.lookups] - (
            LOOKUPS_S[wanted.lookups - 1] if wanted.lookups else 0
        )
        next_ms = self._clock_ms() + int(1000 * apart_s)
        return await self._state(wanted, "unknown", reason, nextMs=next_ms, lookups=wanted.lookups)

    async def _finish(
        self,
        wanted: Wanted,
        connection: Connection,
        client: CourierClient[Any],
        made: Created,
    ) -> Wanted:
        """It exists. All of this may be repeated; the state is set last."""
        now_ms = self._clock_ms()
        warnings = [notice.message or notice.code for notice in made.notices]
        try:
            labels = await client.labels(made)
        except (ConnectorError, BadLabel) as error:
            labels = ()
            warnings.append(f"The label is still to be fetched: {error}")
        kept = await self.shipments.save_labels(wanted, labels)
        await self.following.begin(
            connection,
            made.number,
            wanted.id,
            order_id=wanted.order_id,
            fields=fields_of(wanted, made, kept, now_ms),
        )
        changes: dict[str, Any] = {
            "number": made.number,
            "pieces": list(made.pieces),
            "ids": dict(made.ids),
            "labels": kept,
            "warnings": warnings,
            "shippedAtMs": wanted.shipped_ms or now_ms,
            "nextMs": 0,
        }
        await self._state(wanted, "created", "", **changes)
        return replace(
            wanted,
            state="created",
            reason="",
            number=made.number,
            pieces=made.pieces,
            ids=dict(made.ids),
            labels=kept,
            warnings=tuple(warnings),
            shipped_ms=wanted.shipped_ms or now_ms,
            next_ms=0,
        )

    async def relabel(self, wanted: Wanted) -> int:
        """Fetch labels that did not come with the shipment; how many there are. Raises
        ConnectorError, BadLabel."""
        _, client = await self._line(wanted)
        made = Created(wanted.courier, wanted.number, wanted.reference, ids=dict(wanted.ids))
        kept = await self.shipments.save_labels(wanted, await client.labels(made))
        await self.shipments.set(wanted.id, labels=kept)
        return kept

    async def _later(self, wanted: Wanted, reason: str, wait_ms: float) -> Wanted:
        next_ms = self._clock_ms() + max(1, int(wait_ms))
        return await self._state(wanted, "waiting", reason, nextMs=next_ms, lookups=wanted.lookups)

    async def _state(self, wanted: Wanted, state: Any, reason: str, **more: Any) -> Wanted:
        await self.shipments.set(wanted.id, state=state, reason=reason[:500], **more)
        return replace(
            wanted,
            state=state,
            reason=reason[:500],
            next_ms=more.get("nextMs", wanted.next_ms),
            lookups=more.get("lookups", wanted.lookups),
        )


def perform_of(wanted: Wanted, now_ms: int) -> Perform:
    """The effect, as the ledger knows it."""
    return Perform(
        organization_id=wanted.organization_id,
        type="shipment",
        entity_id=wanted.id,
        replica=wanted.replica,
        effect_key=wanted.key,
        effect="shipment",
        arguments={"reference": wanted.reference},
        epoch=0,
        issued_at_ms=now_ms,
    )


def fields_of(wanted: Wanted, made: Created, labels: int, now_ms: int) -> Fields:
    """The entity as it begins."""
    to = wanted.request["deliveryAddress"]
    fields: Fields = {
        "orderId": wanted.order_id,
        "orderNumber": wanted.order_name,
        "recipientName": to.get("name"),
        "recipientPhone": to.get("phone"),
        "reference": wanted.reference,
        "weight": wanted.weight_kg,
        "pieces": str(max(1, len(made.pieces))),
        "createdAt": rfc3339(wanted.created_ms or now_ms),
    }
    if labels:
        fields["label"] = f"/api/shipments/{wanted.id}/label"
    if wanted.cod:
        fields |= {"codAmount": wanted.cod["amount"], "currency": wanted.cod["currency"]}
    return fields
