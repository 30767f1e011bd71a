"""The ledger of effects: `ss_effects`, unique by organisation and business key.

A key is claimed before the call. Whoever finds a claim without a result does not know whether the
call was made, and never makes it again: it stays `unknown` until evidence settles it. Except where
the claim's process is dead and its own file shows that the call was never begun (`calls`): then the
claim is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from schemas.command import Perform
from schemas.outcome import Outcome
from streams.database import Database
from streams.effects.calls import Calls

State = Literal["claimed", "sent", "failed", "unknown", "released"]
CLAIM_MS = 60_000
"""How long a claim may belong to a call under way; calls end after 10 s."""
LISTED_MS = 15 * 60_000
"""Evidence comes within seconds; what has none by then is a person's to decide."""
CUT = "the process ended between the call and its answer"
Decision = Literal["resent", "given-up"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect as the ledger has it. `mine`: claimed by this very call, so do it now."""

    state: State
    mine: bool = False
    vendor_id: str = ""
    reason: str = ""
    claimed_at_ms: int = 0
    attempts: int = 1
    owner: str = ""
    """The file of calls that this claim's process keeps."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An effect of which nobody knows whether it happened."""

    effect_key: str
    effect: str
    replica: str
    type: str
    entity_id: str
    reason: str
    claimed_at_ms: int
    listed: bool
    """No evidence came in time: a person may send it again, or give it up."""


class Ledger:
    """All methods raise PyMongoError when the database is away: then nothing may be done. Without
    `calls` every claim left behind is unknown."""

    def __init__(self, database: Database, calls: Calls | None = None) -> None:
        self._effects = database["ss_effects"]
        self._calls = calls

    async def claim(self, command: Perform, now_ms: int) -> Entry:
        """Take the key, or tell what became of it. A claim left behind turns into `unknown`."""
        place = {"organizationId": command.organization_id, "effectKey": command.effect_key}
        fresh = {
            **place,
            "state": "claimed",
            "effect": command.effect,
            "replica": command.replica,
            "type": command.type,
            "entityId": command.entity_id,
            "vendorId": "",
            "reason": "",
            "attempts": 1,
            "claimedAtMs": now_ms,
            "updatedAtMs": now_ms,
            "owner": self._name,
        }
        try:
            await self._effects.insert_one(fresh)
            return Entry("claimed", mine=True, claimed_at_ms=now_ms, owner=self._name)
        except DuplicateKeyError:
            pass
        taken = await self._take({**place, "state": "released"}, now_ms)
        if taken is None:
            found = await self._effects.find_one({**place, "state": "claimed"})
            if found is not None and self.abandoned(command, _entry(found)):
                same = {one: found[one] for one in ("_id", "state", "claimedAtMs", "owner")}
                taken = await self._take(same, now_ms)
        if taken is not None:
            return taken
        await self._effects.update_one(
            {**place, "state": "claimed", "claimedAtMs": {"$lt": now_ms - CLAIM_MS}},
            {
                "$set": {
                    "state": "unknown",
                    "reason": CUT,
                    "unknownAtMs": now_ms,
                    "updatedAtMs": now_ms,
                }
            },
        )
        found = await self._effects.find_one(place)
        if found is None:
            return Entry("unknown", reason="the ledger lost the key at this moment")
        return _entry(found)

    async def _take(self, match: dict[str, Any], now_ms: int) -> Entry | None:
        """The claim of a row that nobody is at; None where another was faster."""
        claim = {
            "state": "claimed", "claimedAtMs": now_ms, "updatedAtMs": now_ms, "owner": self._name,
        }  # fmt: skip
        taken = await self._effects.find_one_and_update(
            match, {"$set": claim, "$inc": {"attempts": 1}}, return_document=ReturnDocument.AFTER
        )
        return None if taken is None else _entry(taken, mine=True)

    @property
    def _name(self) -> str:
        return self._calls.name if self._calls is not None else ""

    def begin(self, command: Perform, entry: Entry) -> None:
        """The call of a claim that is `mine` comes next, with nothing in between. Raises OSError
        (the disk is full), LookupError (held up too long): then it must not be made."""
        if self._calls is not None and entry.owner:
            self._calls.begin(
                entry.owner, command.organization_id, command.effect_key, entry.claimed_at_ms
            )

    def abandoned(self, command: Perform, entry: Entry) -> bool:
        """Whether a claim can be taken over: its process died, and surely before the call."""
        claim = (command.organization_id, command.effect_key, entry.claimed_at_ms)
        return (
            self._calls is not None
            and entry.state == "claimed"
            and self._calls.never_begun(entry.owner, *claim)
        )

    async def look(self, organization_id: str, effect_key: str) -> Entry | None:
        """What is known of a key, without taking it; None before it was ever claimed."""
        found = await self._effects.find_one(
            {"organizationId": organization_id, "effectKey": effect_key}
        )
        return None if found is None else _entry(found)

    async def settle(
        self,
        command: Perform,
        state: State,
        now_ms: int,
        vendor_id: str = "",
        reason: str = "",
        *,
        claimed_at_ms: int | None = None,
    ) -> None:
        """What the call came to. `released`: surely not done, may be claimed again. What evidence
        has settled meanwhile stays. `claimed_at_ms`: only of this very claim, not of a later."""
        place: dict[str, Any] = {
            "organizationId": command.organization_id,
            "effectKey": command.effect_key,
            "state": {"$in": ["claimed", "unknown"]},
        }
        if claimed_at_ms is not None:
            place["claimedAtMs"] = claimed_at_ms
        values = {
            "state": state,
            "vendorId": vendor_id,
            "reason": reason[:500],
            "answered": True,
            "updatedAtMs": now_ms,
        }
        if state == "unknown":
            values |= {"unknownAtMs": now_ms, "answered": False}
        done = await self._effects.update_one(place, {"$set": values})
        if not done.matched_count and vendor_id:
            # Evidence was faster than the answer.
            told = {**place, "state": {"$in": ["sent", "failed"]}, "vendorId": vendor_id}
            await self._effects.update_one(told, {"$set": {"answered": True}})

    async def unsettled(
        self, organization_id: str, now_ms: int, limit: int = 200
    ) -> list[Unsettled]:
        """Those that nobody knows of, newest first, a claim whose process died among them; not
        those that a person has decided on."""
        rows = self._effects.find(
            {
                "organizationId": organization_id,
                "decision": {"$exists": False},
                "$or": [
                    {"state": "unknown"},
                    {"state": "claimed", "claimedAtMs": {"$lt": now_ms - CLAIM_MS}},
                ],
            }
        ).sort("updatedAtMs", DESCENDING)
        return [_unsettled(row, now_ms) async for row in rows.limit(limit)]

    async def decide(
        self, organization_id: str, effect_key: str, decision: Decision, by: str, now_ms: int
    ) -> Unsettled | None:
        """A person's word on what nobody knows, once; None where there is nothing to decide.
        Evidence that comes later is still noted."""
        row = await self._effects.find_one_and_update(
            {
                "organizationId": organization_id,
                "effectKey": effect_key,
                "decision": {"$exists": False},
                "$or": [
                    {"state": "unknown"},
                    {"state": "claimed", "claimedAtMs": {"$lt": now_ms - CLAIM_MS}},
                ],
            },
            {
                "$set": {
                    "state": "unknown",
                    "decision": decision,
                    "decidedBy": by,
                    "decidedAtMs": now_ms,
                    "updatedAtMs": now_ms,
                }
            },
        )
        return None if row is None else _unsettled(row, now_ms)

    async def evidence(
        self,
        organization_id: str,
        effect_key: str,
        vendor_id: str,
        status: str,
        reason: str,
        now_ms: int,
    ) -> Outcome | None:
        """A platform speaks of this effect, so it happened (`failed`: it was taken and could not be
        delivered). The outcome to publish when that settles what nobody knew; None otherwise.

        Repeating it changes nothing.
        """
        state: State = "failed" if status == "failed" else "sent"
        before = await self._effects.find_one_and_update(
            {
                "organizationId": organization_id,
                "effectKey": effect_key,
                "state": {"$ne": "failed"},
            },
            {
                "$set": {
                    "state": state,
                    "vendorId": vendor_id,
                    "deliveryStatus": status,
                    "reason": reason[:500],
                    "updatedAtMs": now_ms,
                }
            },
            return_document=ReturnDocument.BEFORE,
        )
        if before is None or before["state"] == state:
            return None
        if before["state"] in ("claimed", "unknown"):
            await self._effects.update_one(
                {"_id": before["_id"]}, {"$set": {"settledAtMs": now_ms}}
            )
        return Outcome(
            organization_id=organization_id,
            type=before["type"],
            entity_id=before["entityId"],
            replica=before["replica"],
            effect_key=effect_key,
            result="failed" if state == "failed" else "taken",
            reason=reason,
            at_ms=now_ms,
        )


def _unsettled(row: dict[str, Any], now_ms: int) -> Unsettled:
    return Unsettled(
        effect_key=row["effectKey"],
        effect=row["effect"],
        replica=row["replica"],
        type=row["type"],
        entity_id=row["entityId"],
        reason=row.get("reason", "") or CUT,
        claimed_at_ms=row["claimedAtMs"],
        listed=now_ms - row["claimedAtMs"] >= LISTED_MS,
    )


def _entry(found: dict[str, Any], *, mine: bool = False) -> Entry:
    return Entry(
        state=found["state"],
        mine=mine,
        vendor_id=found.get("vendorId", ""),
        reason=found.get("reason", ""),
        claimed_at_ms=found["claimedAtMs"],
        attempts=found.get("attempts", 1),
        owner=found.get("owner", ""),
    )
