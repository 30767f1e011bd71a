"""The convergence certificate: whether all platforms hold the same, since when that is known, and
what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.pages.words import replica_word
from api.shapes import Shown
from schemas.envelope import rfc3339
from streams.database import Database
from streams.directory import Directory
from streams.integrations import MONGODB
from streams.upkeep.drift.certificates import Certificate, Certificates
from streams.upkeep.drift.job import KIND, can_be_swept
from streams.upkeep.jobs import Job, Jobs

WHAT = {
    "asked": ("waits for your decision", "wait for your decision"),
    "moving": ("is just being written", "are just being written"),
    "owed": ("is about to be written", "are about to be written"),
    "refused": ("was refused by the platform", "were refused by the platform"),
    "paused": ("waits: the connection is paused", "wait: the connection is paused"),
    "drift": ("changed unnoticed, not healed yet", "changed unnoticed, not healed yet"),
    "unknown": ("is new there, not taken over yet", "are new there, not taken over yet"),
    "gone": ("is missing there", "are missing there"),
    "double": (
        "is there twice: remove one, or give it another SKU",
        "are there twice: remove one of each, or give it another SKU",
    ),
}
"""What a state means to a shop owner: of one item, of several."""
NEVER = (
    "Nothing has been compared yet. The first comparison comes by itself within the hour, or now "
    "with `smartstore certificate --run`."
)


class ShownDifference(Shown, frozen=True, kw_only=True):
    """One item that is not the same."""

    entity_id: str
    external_id: str
    label: str
    state: str
    what: str
    fields: tuple[str, ...]


class ShownType(Shown, frozen=True, kw_only=True):
    """One platform's items of one type."""

    type: str
    at: str
    same: bool
    compared: int
    different: int
    differences: tuple[ShownDifference, ...]
    """The first hundred."""
    found: int
    """Had changed unnoticed when this comparison came by."""
    healed: int
    """So many of them were the same again at its end."""
    found_ids: tuple[str, ...]
    method: str
    calls: int
    root_there: str
    """Hash over what the platform holds."""
    root_here: str
    """Hash over what it should hold. Equal hashes, equal content."""


class ShownPlatform(Shown, frozen=True, kw_only=True):
    """One connection."""

    replica: str
    name: str
    same: bool | None
    """None: never compared."""
    running: str | None
    """The job that compares it just now."""
    types: tuple[ShownType, ...]


class ShownCertificate(Shown, frozen=True, kw_only=True):
    """Of one organisation."""

    verdict: str
    same: bool | None
    at: str | None
    """Of the oldest comparison in it."""
    platforms: tuple[ShownPlatform, ...]


class Certification:
    """Raises PyMongoError, DirectoryError."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._certificates = Certificates(database)
        self._jobs = Jobs(database)
        self._directory = directory

    async def newest(self, organization_id: str) -> ShownCertificate:
        """The newest comparison of every platform."""
        rows = await self._certificates.of(organization_id)
        replicas = await self._swept(organization_id)
        jobs = await self._jobs.newest(organization_id, kind=KIND)
        running = {job.replica: job.id for job in jobs if job.state in ("queued", "running")}
        return certificate_shown(rows, replicas, running)

    async def run(self, organization_id: str) -> list[Job]:
        """Compare every platform now: a job each; one that is under way is found."""
        replicas = await self._swept(organization_id)
        return [await self._jobs.queue(organization_id, KIND, replica) for replica in replicas]

    async def _swept(self, organization_id: str) -> list[str]:
        found = await self._directory.connections(organization_id)
        return [connection.replica for connection in found if can_be_swept(connection)]


def certificate_shown(
    rows: Sequence[Certificate], replicas: Sequence[str], running: Mapping[str, str]
) -> ShownCertificate:
    """Pure. `replicas`: those that can be compared; rows of others are of connections that are no
    more."""
    counted = [row for row in rows if row.replica in replicas]
    platforms = []
    for replica in replicas:
        types = tuple(_type(row) for row in counted if row.replica == replica)
        platforms.append(
            ShownPlatform(
                replica=replica,
                name=replica_word(replica),
                same=all(one.same for one in types) if types else None,
                running=running.get(replica),
                types=types,
            )
        )
    same = all(one.same for one in platforms) if counted else None
    return ShownCertificate(
        verdict=verdict(counted, replicas),
        same=same,
        at=rfc3339(min(row.at_ms for row in counted)) if counted else None,
        platforms=tuple(platforms),
    )


def verdict(rows: Sequence[Certificate], replicas: Sequence[str]) -> str:
    """All of it in a sentence or two."""
    if not rows:
        return NEVER
    compared = Counter[str]()
    states = Counter[str]()
    for row in rows:
        compared[row.replica] += row.compared
        states.update(row.states)
    where = " and ".join(f"{_n(compared[name])} {_at(name)}" for name in sorted(compared))
    different = sum(states.values())
    if different == 0:
        text = f"Everything is the same ({where} compared)."
    else:
        told = [f"{_n(states[s])} {WHAT[s][states[s] > 1]}" for s in WHAT if states[s] > 0]
        first = f"1 item differs ({where} compared)"
        if different > 1:
            first = f"{_n(different)} items differ ({where} compared)"
        text = f"{first}: {', '.join(told)}."
    missing = [replica_word(name) for name in replicas if name not in compared]
    return f"{text} Not compared yet: {', '.join(missing)}." if missing else text


def _at(replica: str) -> str:
    return "in your app" if replica == MONGODB else f"on {replica_word(replica)}"


def _type(row: Certificate) -> ShownType:
    different = sum(row.states.values())
    return ShownType(
        type=row.type,
        at=rfc3339(row.at_ms),
        same=different == 0 and row.root_ours == row.root_theirs,
        compared=row.compared,
        different=different,
        differences=tuple(
            ShownDifference(
                entity_id=one.entity_id,
                external_id=one.external_id,
                label=one.label,
                state=one.state,
                what=WHAT[one.state][0],
                fields=one.fields,
            )
            for one in row.differences
        ),
        found=row.found,
        healed=row.healed,
        found_ids=row.found_ids,
        method=row.method,
        calls=row.calls,
        root_there=row.root_theirs,
        root_here=row.root_ours,
    )


def _n(number: Any) -> str:
    return f"{number:,}"
