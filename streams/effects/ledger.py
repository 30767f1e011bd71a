"""The ledger of effects: `ss_effects`, unique by organisation and business key.

A key is claimed before the call. Whoever finds a claim without a result does not know whether the
call was made, and never makes it again: it stays `unknown` until evidence settles it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from schemas.command import Perform
from schemas.outcome import Outcome
from streams.database import Database

State = Literal["claimed", "sent", "failed", "unknown", "released"]
CLAIM_MS = 60_000
"""How long a claim may belong to a call under way; calls end after 10 s."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect as the ledger has it. `mine`: claimed by this very call, so do it now."""

    state: State
    mine: bool = False
    vendor_id: str = ""
    reason: str = ""
    claimed_at_ms: int = 0
    attempts: int = 1


class Ledger:
    """All methods raise PyMongoError when the database is away: then nothing may be done."""

    def __init__(self, database: Database) -> None:
        self._effects = database["ss_effects"]

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
        }
        try:
            await self._effects.insert_one(fresh)
            return Entry("claimed", mine=True, claimed_at_ms=now_ms)
        except DuplicateKeyError:
            pass
        taken = await self._effects.find_one_and_update(
            {**place, "state": "released"},
            {
                "$set": {"state": "claimed", "claimedAtMs": now_ms, "updatedAtMs": now_ms},
                "$inc": {"attempts": 1},
            },
            return_document=ReturnDocument.AFTER,
        )
        if taken is not None:
            return _entry(taken, mine=True)
        await self._effects.update_one(
            {**place, "state": "claimed", "claimedAtMs": {"$lt": now_ms - CLAIM_MS}},
            {
                "$set": {
                    "state": "unknown",
                    "reason": "the process ended between the call and its answer",
                    "updatedAtMs": now_ms,
                }
            },
        )
        found = await self._effects.find_one(place)
        if found is None:
            return Entry("unknown", reason="the ledger lost the key at this moment")
        return _entry(found)

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
        await self._effects.update_one(
            place,
            {
                "$set": {
                    "state": state,
                    "vendorId": vendor_id,
                    "reason": reason[:500],
                    "updatedAtMs": now_ms,
                }
            },
        )

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


def _entry(found: dict[str, Any], *, mine: bool = False) -> Entry:
    return Entry(
        state=found["state"],
        mine=mine,
        vendor_id=found.get("vendorId", ""),
        reason=found.get("reason", ""),
        claimed_at_ms=found["claimedAtMs"],
        attempts=found.get("attempts", 1),
    )
