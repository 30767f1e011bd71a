"""A person says which item of a platform is which entity: merge two that are one, split one that is
two, move an item. Stock goes with its product.

Links change first, then the entities are told by one `Relink` each; whatever arrives in between is
sent on by the entity that had the item (`streams/sync/relink.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.clock import unix_ms
from schemas.outcome import Relink
from streams.identity import new_entity_id
from streams.kafka.records import Publishes
from streams.links import Links
from streams.replies import reply_record

SOURCE = "api"

STOCKED = ("product", "variation")
"""Types whose items have stock, an entity of its own with the same id."""


class NotLinked(Exception):
    """The item, or entity, is not there (any more). The text says what to look at."""


@dataclass(frozen=True)
class Move:
    """An item that changes hands. `back`: what its new entity had there and gives in exchange."""

    type: str
    replica: str
    external_id: str
    source: str
    target: str
    back: str = ""


class Relinking:
    """See the module. Errors: NotLinked, PublishFailed, PyMongo's own."""

    def __init__(
        self,
        links: Links,
        publisher: Publishes,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._links = links
        self._publisher = publisher
        self._clock_ms = clock_ms

    async def split(
        self, organization_id: str, entity_type: str, entity_id: str, replica: str, by: str
    ) -> str:
        """The item of this replica becomes an entity of its own, whose id is returned."""
        held = await self._links.items(organization_id, entity_type, entity_id)
        if replica not in held:
            raise NotLinked(f"{entity_type} {entity_id} has no item on {replica}.")
        if len(held) == 1:
            raise NotLinked(f"{replica} is the only place where {entity_id} is: nothing to split.")
        item = held[replica]
        target = new_entity_id(organization_id, f"split:{replica}", entity_type, item)
        await self._move(organization_id, [Move(entity_type, replica, item, entity_id, target)], by)
        return target

    async def merge(
        self,
        organization_id: str,
        entity_type: str,
        keep: str,
        drop: str,
        by: str,
        *,
        items: Mapping[str, str] | None = None,
    ) -> list[Move]:
        """Two entities become `keep`. Where both have an item on one platform the kept one's stays,
        unless `items` names the other; what `drop` has left then is a double and is deleted.
        Returns what was moved."""
        kept = await self._links.items(organization_id, entity_type, keep)
        dropped = await self._links.items(organization_id, entity_type, drop)
        for entity_id, found in ((keep, kept), (drop, dropped)):
            if not found:
                raise NotLinked(f"There is no {entity_type} {entity_id} on any platform.")
        if keep == drop:
            raise NotLinked("They are one already.")
        moves = plan_merge(entity_type, keep, drop, kept, dropped, items or {})
        doubles = len(dropped) > len([move for move in moves if not move.back])
        await self._move(organization_id, moves, by)
        if doubles:
            double = self._event(organization_id, entity_type, drop, "", by, delete=True)
            await self._publisher.publish(reply_record(double, SOURCE))
        return moves

    async def _move(self, organization_id: str, moves: list[Move], by: str) -> None:
        told: list[Relink] = []
        for move in moves:
            for kind in _kinds(move.type):
                told += await self._one(organization_id, kind, move, by, move.type == kind)
        await self._publisher.publish(*(reply_record(event, SOURCE) for event in told))

    async def _one(
        self, organization_id: str, kind: str, move: Move, by: str, must: bool
    ) -> list[Relink]:
        place = (organization_id, move.replica, kind)
        there = await self._links.move(
            *place, move.external_id, source=move.source, target=move.target
        )
        if not there:
            if must:
                raise NotLinked(
                    f"{move.external_id} on {move.replica} is not {move.source}'s any more."
                )
            return []
        if move.back:
            await self._links.move(*place, move.back, source=move.target, target=move.source)
        return [
            self._event(
                organization_id,
                kind,
                move.source,
                move.replica,
                by,
                gives=move.external_id,
                gives_to=move.target,
                takes=move.back,
            ),
            self._event(
                organization_id,
                kind,
                move.target,
                move.replica,
                by,
                gives=move.back,
                gives_to=move.source if move.back else "",
                takes=move.external_id,
            ),
        ]

    def _event(
        self,
        organization_id: str,
        entity_type: str,
        entity_id: str,
        replica: str,
        by: str,
        *,
        gives: str = "",
        gives_to: str = "",
        takes: str = "",
        delete: bool = False,
    ) -> Relink:
        return Relink(
            organization_id=organization_id,
            type=entity_type,
            entity_id=entity_id,
            id=uuid.uuid4().hex,
            replica=replica,
            gives=gives,
            gives_to=gives_to,
            takes=takes,
            delete=delete,
            by=by,
            at_ms=self._clock_ms(),
        )


def plan_merge(
    entity_type: str,
    keep: str,
    drop: str,
    kept: Mapping[str, str],
    dropped: Mapping[str, str],
    items: Mapping[str, str],
) -> list[Move]:
    """What changes hands. Pure."""
    moves = []
    for replica, item in sorted(dropped.items()):
        if replica not in kept:
            moves.append(Move(entity_type, replica, item, drop, keep))
        elif items.get(replica) == item:
            moves.append(Move(entity_type, replica, item, drop, keep, back=kept[replica]))
    return moves


def _kinds(entity_type: str) -> tuple[str, ...]:
    return (entity_type, "inventory") if entity_type in STOCKED else (entity_type,)
