"""Every secret that is kept sealed, and its way to the newest key.

A rotation may be stopped and begun again at any line: what is sealed with the newest key is left
alone, and a secret that somebody changes meanwhile is theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from streams.alerts.desk import SETTINGS as ALERTS
from streams.archive.erasures import COLLECTION as ERASURES
from streams.database import Database, Document
from streams.keyring import Keyring, KeyringError

INTEGRATIONS = "ss_integrations"
MAPS = (INTEGRATIONS, ALERTS)
"""Collections whose rows have `secrets`: {name: sealed}."""
PARTS = ("secrets", "former")
"""`former`: those that were replaced and count for a day more (`streams/formers.py`)."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One secret where it stands."""

    collection: str
    record: str
    organization_id: str
    path: str
    """Within its row: `secrets.access_token`."""
    name: str
    blob: Mapping[str, Any]

    @property
    def key_id(self) -> str:
        """Of the key it was sealed with."""
        return str(self.blob.get("keyId", ""))


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to."""

    moved: int = 0
    changed: int = 0
    """Somebody else changed these meanwhile: run it again."""
    troubles: tuple[str, ...] = ()
    """Why these do not open; their text names no secret."""


async def sealed_secrets(database: Database) -> AsyncIterator[Sealed]:
    """All there are. Raises PyMongoError."""
    for collection in MAPS:
        rows = database[collection].find({"secrets": {"$type": "object"}})
        async for row in rows:
            for part in PARTS:
                for name, blob in row.get(part, {}).items():
                    if isinstance(blob, dict) and blob.get("keyId"):
                        yield _sealed(collection, row, f"{part}.{name}", name, blob)
    async for row in database[ERASURES].find({"sealed.keyId": {"$exists": True}}):
        yield _sealed(ERASURES, row, "sealed", "erasure", row["sealed"])


async def counted(database: Database) -> dict[str, int]:
    """Key id to how many secrets are sealed with it. Raises PyMongoError."""
    found: Counter[str] = Counter()
    async for one in sealed_secrets(database):
        found[one.key_id] += 1
    return dict(found)


async def rotate(database: Database, keyring: Keyring) -> Rotated:
    """Seal everything with the newest key. Raises PyMongoError."""
    moved, changed, troubles = 0, 0, []
    async for one in sealed_secrets(database):
        if one.key_id == keyring.newest:
            continue
        place = {
            "organization_id": one.organization_id,
            "record": one.record,
            "name": one.name,
        }
        try:
            plain = keyring.open(one.blob, **place)
        except KeyringError as error:
            troubles.append(str(error))
            continue
        fresh = {**one.blob, **keyring.seal(plain, **place)}
        # Only in the place of the very blob that was read.
        done = await database[one.collection].update_one(
            {"_id": one.record, f"{one.path}.nonce": one.blob["nonce"]},
            {"$set": {one.path: fresh}},
        )
        moved += done.matched_count
        changed += 1 - done.matched_count
    return Rotated(moved, changed, tuple(troubles))


def _sealed(
    collection: str, row: Document, path: str, name: str, blob: Mapping[str, Any]
) -> Sealed:
    return Sealed(collection, row["_id"], row["organizationId"], path, name, blob)
