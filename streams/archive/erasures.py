"""Who is to be erased, and who was: collection `ss_erasures`.

    {_id, organizationId, customerId, sealed, state, requestedAtMs, doneAtMs, heldUntilMs, proof}

What to look for (numbers, addresses, names, and entities: a conversation's id is a number) is
sealed with the product's key, and is thrown away when nothing that could hold it is left in Kafka.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from schemas.clock import unix_ms
from schemas.codec import decode, encode
from schemas.topics import DAY_MS, TOPICS
from streams.archive.erasing import Person
from streams.archive.finding import Subject
from streams.database import Database, Document
from streams.keyring import Keyring

COLLECTION = "ss_erasures"
HELD_MS = max(topic.retention_ms or 0 for topic in TOPICS if not topic.compacted) + DAY_MS
"""So long Kafka may hold what was said of them; a day for its own cleaning."""
FOREVER_MS = 2**62
ECHO_MS = 600_000
"""What platforms show of them this long after it is done is the echo of our own writes."""


class Erasures:
    """Errors: PyMongoError, KeyringError."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._rows = database[COLLECTION]
        self._archive = database["ss_archive"]
        self._keyring = keyring
        self._clock_ms = clock_ms

    async def begin(
        self,
        subject: Subject,
        customer_id: str,
    ) -> Person:
        """From here on no new file of the archive, and no replay, holds this person's data."""
        row_id, organization_id = uuid.uuid4().hex, subject.organization
        now_ms = self._clock_ms()
        secret = encode(
            {
                "entities": sorted(subject.entities),
                "needles": sorted(subject.needles),
                "names": sorted(subject.names),
                "places": sorted(subject.places),
            }
        ).decode()
        row = {
            "_id": row_id,
            "organizationId": organization_id,
            "customerId": customer_id,
            "sealed": self._keyring.seal(
                secret, organization_id=organization_id, record=row_id, name="erasure"
            ),
            "state": "running",
            "requestedAtMs": now_ms,
            "doneAtMs": 0,
            "heldUntilMs": now_ms + HELD_MS,
        }
        await self._rows.insert_one(row)
        # Behind the row: who commits in the new version has seen it (streams/archive/manifest.py).
        change = {"$inc": {"version": 1}, "$set": {"kind": "erasures"}}
        await self._archive.update_one({"_id": "erasures"}, change, upsert=True)
        return self._person(row)

    async def end(self, erasure_id: str, proof: Document) -> None:
        """It is done; this is what was done."""
        now_ms = self._clock_ms()
        done = {"state": "done", "doneAtMs": now_ms, "proof": proof}
        await self._rows.update_one({"_id": erasure_id}, {"$set": done})

    async def active(self) -> tuple[list[Person], int]:
        """Whose data Kafka may still hold, and the version of this list."""
        version = await self._archive.find_one({"_id": "erasures"})
        now_ms = self._clock_ms()
        over = {"heldUntilMs": {"$lte": now_ms}, "sealed": {"$exists": True}}
        await self._rows.update_many(over, {"$unset": {"sealed": ""}})
        rows = await self._rows.find({"sealed": {"$exists": True}}).to_list()
        return [self._person(row) for row in rows], int(version["version"]) if version else 0

    async def person(self, organization_id: str, erasure_id: str) -> Person | None:
        """Whom one is about, while that is known."""
        match = {"_id": erasure_id, "organizationId": organization_id}
        row = await self._rows.find_one({**match, "sealed": {"$exists": True}})
        return None if row is None else self._person(row)

    async def unfinished(self, organization_id: str, customer_id: str) -> Person | None:
        """One that a crash interrupted: it is gone on with."""
        match = {
            "organizationId": organization_id,
            "customerId": customer_id,
            "state": "running",
            "sealed": {"$exists": True},
        }
        row = await self._rows.find_one(match)
        return None if row is None else self._person(row)

    async def proofs(self, organization_id: str, limit: int = 50) -> list[Document]:
        """Newest first, without what was looked for."""
        rows = self._rows.find({"organizationId": organization_id}, {"sealed": 0})
        return await rows.sort("requestedAtMs", -1).limit(limit).to_list()

    async def proof(self, organization_id: str, erasure_id: str) -> Document | None:
        """One of the organisation's."""
        match = {"_id": erasure_id, "organizationId": organization_id}
        return await self._rows.find_one(match, {"sealed": 0})

    def _person(self, row: Document) -> Person:
        text = self._keyring.open(
            row["sealed"], organization_id=row["organizationId"], record=row["_id"], name="erasure"
        )
        told: dict[str, Any] = decode(text, dict)
        return Person(
            erasure=row["_id"],
            organization=row["organizationId"],
            entities=frozenset((kind, name) for kind, name in told["entities"]),
            needles=tuple(told["needles"]),
            names=tuple(told["names"]),
            places=frozenset(told["places"]),
            until_ms=row["doneAtMs"] + ECHO_MS if row["doneAtMs"] else FOREVER_MS,
        )
