"""What the planner needs to know, looked up; and connections that rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.codes import words_of
from streams.directory import Directory
from streams.sinks.lines import PAUSE_S, Line
from streams.whatsapp.budget import Spending
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.notify import Notifications, month_of, quiet_of
from streams.whatsapp.planner import Budget, Customer, Plan, Send, Stand, Want, plan, window_open
from streams.whatsapp.rates import Rates
from streams.whatsapp.sends import Outgoing
from streams.whatsapp.templates import Templates

log = structlog.get_logger(__name__)

SHORT_S = 2.0
"""A pace that allows the next message so soon is waited for."""


@dataclass
class Rest:
    """A connection that sends nothing for a while."""

    until_ms: int
    reason: str
    briefly: bool = False
    """It helps itself."""


class Planning:
    """One a process. Errors: PyMongo's own."""

    def __init__(
        self,
        *,
        templates: Templates,
        spending: Spending,
        conversations: Conversations,
        directory: Directory,
        rates: Rates,
        clock_ms: Callable[[], int],
    ) -> None:
        self._templates = templates
        self._spending = spending
        self._conversations = conversations
        self._directory = directory
        self._rates = rates
        self._clock_ms = clock_ms
        self._rests: dict[tuple[str, str], Rest] = {}

    async def customer(self, row: Outgoing) -> tuple[Customer, str | None]:
        """Who it is for; who ordered, and never said no, is written to about the order."""
        found = await self._conversations.get(row.organization_id, row.to)
        if row.event is not None and (found is None or found.consent is None):
            source = f"{row.about_type}:{row.about_id}"
            found = await self._conversations.record_consent(
                row.organization_id, row.to, "in", source, row.created_ms
            )
        if found is None:
            return Customer(), None
        out = found.consent is not None and found.consent.state == "out"
        return Customer(found.last_inbound_ms, out), found.language

    # The plan

    async def decide(
        self,
        row: Outgoing,
        want: Want,
        customer: Customer,
        settings: Notifications,
        line: Line,
    ) -> tuple[Plan, Stand]:
        now_ms = self._clock_ms()
        place = (row.organization_id, row.replica)
        paused = await self._paused(place, line, now_ms)
        known = None
        free = want.free is not None and window_open(customer.last_inbound_ms, now_ms)
        if paused is None and not (free and not want.no_free) and want.template is not None:
            if isinstance(line.client, WhatsAppClient):
                known = (await self._templates.usable(*place, line.client)).templates
        month, next_month_ms = month_of(now_ms, settings.time_zone)
        spent = 0
        if settings.cap is not None:
            spent = (await self._spending.of(row.organization_id, month)).spent
        stand = Stand(
            now_ms=now_ms,
            templates=known,
            quiet=quiet_of(settings),
            budget=Budget(
                settings.cap,
                spent,
                next_month_ms,
                {name: settings.price(name) for name in settings.prices},
            ),
            paused=paused.reason if paused else "",
            paused_until_ms=paused.until_ms if paused else 0,
            paused_briefly=paused.briefly if paused else False,
        )
        decided = plan(want, customer, stand)
        if isinstance(decided, Send):
            wait_s = await self._pace(row, line)
            if wait_s > 0:
                until_ms = self._clock_ms() + int(1000 * wait_s)
                stand = replace(stand, pace_until_ms=until_ms)
                decided = plan(want, customer, stand)
        return decided, stand

    async def _paused(self, place: tuple[str, str], line: Line, now_ms: int) -> Rest | None:
        rest = self._rests.get(place)
        if rest is not None and rest.until_ms > now_ms:
            return rest
        if not line.connection.active or not line.connection.confirmed:
            return Rest(now_ms + int(1000 * PAUSE_S), "the WhatsApp connection is paused")
        if line.client is None or not line.breaker.closed(now_ms):
            briefly = line.client is not None and not await self._directory.trouble(*place)
            return Rest(line.breaker.open_until_ms, words_of(line.breaker.reason), briefly)
        return None

    async def _pace(self, row: Outgoing, line: Line) -> float:
        """0 once it may go; the seconds to wait where that is long."""
        number = line.connection.settings.get("phone_number_id", "")
        for _ in range(4):
            wait_s = await self._rates.take(number, row.to)
            if wait_s <= 0 or wait_s > SHORT_S:
                return wait_s
            await asyncio.sleep(wait_s)
        return wait_s

    async def trouble(self, place: tuple[str, str], reason: str) -> None:
        """People are told with the connection, until a message goes through again."""
        log.warning("whatsapp is paused", organization=place[0], reason=reason)
        await self._directory.note_trouble(*place, reason)

    async def well(self, place: tuple[str, str]) -> None:
        """A message went through."""
        self._rests.pop(place, None)
        if await self._directory.trouble(*place):
            await self._directory.note_trouble(*place, "")

    def rest(
        self, place: tuple[str, str], until_ms: int, reason: str, *, briefly: bool = False
    ) -> None:
        """Nothing goes out over this connection before then."""
        self._rests[place] = Rest(until_ms, reason, briefly)

    def rest_for(self, line: Line, to: str, wait_ms: int) -> None:
        """Nothing goes to this person for so long."""
        number = line.connection.settings.get("phone_number_id", "")
        self._rates.rest(number, to, wait_ms / 1000)
