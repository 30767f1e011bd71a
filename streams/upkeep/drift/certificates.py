"""The newest comparison of each platform and type: `ss_certificates`.

    {_id: "org/replica/type", organizationId, replica, type, atMs, compared, states: {state: n},
     differences: [{entityId, externalId, state, label, fields}], found, foundIds, healed,
     refreshed, calls, method: "etags" | "contents", rootTheirs, rootOurs, jobId}

`found` had drifted when the sweep came by, `healed` of them were the same again at its end;
`differences` is what differs still, the first DETAILED of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.database import Database, Document
from streams.upkeep.drift.judge import State
from streams.upkeep.drift.tally import Tally

COLLECTION = "ss_certificates"
DETAILED = 100


@dataclass(frozen=True)
class Difference:
    """One item that is not the same."""

    entity_id: str
    external_id: str
    state: State
    label: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """What a sweep found of one replica and type."""

    organization_id: str
    replica: str
    type: str
    at_ms: int
    compared: int
    states: Mapping[str, int] = field(default_factory=dict)
    """How many differ still, by what is the matter with them."""
    differences: tuple[Difference, ...] = ()
    found: int = 0
    found_ids: tuple[str, ...] = ()
    """Entities, or items without one, that had drifted: the first DETAILED."""
    healed: int = 0
    refreshed: int = 0
    calls: int = 0
    """Of the whole sweep, all types together."""
    method: str = "contents"
    root_theirs: str = ""
    root_ours: str = ""
    job_id: str = ""


def certificate_of(
    tally: Tally,
    labels: Mapping[tuple[str, str], str],
    *,
    organization_id: str,
    replica: str,
    at_ms: int,
    calls: int,
    by_etags: bool,
    job_id: str,
) -> Certificate:
    """Pure. `labels`: (type, entity id) to a name."""
    root_ours, root_theirs = tally.roots
    detailed = list(tally.different.values())[:DETAILED]
    found = list(tally.found.values())
    return Certificate(
        organization_id=organization_id,
        replica=replica,
        type=tally.type,
        at_ms=at_ms,
        compared=tally.compared,
        states=dict(Counter(one.state for one in tally.different.values())),
        differences=tuple(
            Difference(
                one.entity_id,
                one.external_id,
                one.state,
                labels.get((one.type, one.entity_id), ""),
                one.fields,
            )
            for one in detailed
        ),
        found=len(found),
        found_ids=tuple(one.entity_id or one.external_id for one in found[:DETAILED]),
        healed=sum(1 for key in tally.found if key not in tally.different),
        refreshed=tally.refreshed,
        calls=calls,
        method="etags" if by_etags else "contents",
        root_theirs=root_theirs,
        root_ours=root_ours,
        job_id=job_id,
    )


class Certificates:
    """The rows. Errors: PyMongo's own."""

    def __init__(self, database: Database) -> None:
        self._rows = database[COLLECTION]

    async def save(self, certificates: Sequence[Certificate]) -> None:
        """Each replaces its former."""
        for one in certificates:
            place = {"_id": f"{one.organization_id}/{one.replica}/{one.type}"}
            await self._rows.replace_one(place, _row(one), upsert=True)

    async def of(self, organization_id: str) -> list[Certificate]:
        """By replica, then type."""
        prefix = f"{organization_id}/"
        where = {"_id": {"$gte": prefix, "$lt": f"{organization_id}0"}}
        return [_read(row) async for row in self._rows.find(where).sort("_id")]


def _row(one: Certificate) -> Document:
    return {
        "organizationId": one.organization_id,
        "replica": one.replica,
        "type": one.type,
        "atMs": one.at_ms,
        "compared": one.compared,
        "states": dict(one.states),
        "differences": [
            {
                "entityId": difference.entity_id,
                "externalId": difference.external_id,
                "state": difference.state,
                "label": difference.label,
                "fields": list(difference.fields),
            }
            for difference in one.differences
        ],
        "found": one.found,
        "foundIds": list(one.found_ids),
        "healed": one.healed,
        "refreshed": one.refreshed,
        "calls": one.calls,
        "method": one.method,
        "rootTheirs": one.root_theirs,
        "rootOurs": one.root_ours,
        "jobId": one.job_id,
    }


def _read(row: Mapping[str, Any]) -> Certificate:
    return Certificate(
        organization_id=row["organizationId"],
        replica=row["replica"],
        type=row["type"],
        at_ms=row["atMs"],
        compared=row["compared"],
        states=row["states"],
        differences=tuple(
            Difference(
                entity_id=one["entityId"],
                external_id=one["externalId"],
                state=one["state"],
                label=one["label"],
                fields=tuple(one["fields"]),
            )
            for one in row["differences"]
        ),
        found=row["found"],
        found_ids=tuple(row["foundIds"]),
        healed=row["healed"],
        refreshed=row["refreshed"],
        calls=row["calls"],
        method=row["method"],
        root_theirs=row["rootTheirs"],
        root_ours=row["rootOurs"],
        job_id=row["jobId"],
    )
