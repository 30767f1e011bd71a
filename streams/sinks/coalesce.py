"""Pure: which commands of a chunk are still worth sending (DESIGN: rules 5 and 13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.command import Claim, Command, Perform, Read
from streams.kafka.records import Incoming

Sent = tuple[Incoming, Command]
Place = tuple[str, str, str, str]
"""(organisation, replica, type, entity id)"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is left of a chunk."""

    writes: tuple[Sent, ...]
    """The newest write, create or delete of each entity and replica."""
    reads: tuple[Sent, ...]
    """The newest read of each, where it came after the write: it is done after it."""
    effects: tuple[Sent, ...]
    """Every one; they have keys of their own."""


def newest_claim(sent: Iterable[Sent], known: int) -> int:
    """The highest epoch claimed, of what is known and of what is in the chunk."""
    return max([known, *(command.epoch for _, command in sent if isinstance(command, Claim))])


def coalesced(sent: Sequence[Sent], epoch: int) -> Work:
    """Drops commands of owners below `epoch`, and state commands that a newer one outdates. A read
    before a write is dropped unanswered: the write's answer tells as much."""
    writes: dict[Place, Sent] = {}
    reads: dict[Place, Sent] = {}
    effects: list[Sent] = []
    for one in sent:
        command = one[1]
        if isinstance(command, Claim) or command.epoch < epoch:
            continue
        if isinstance(command, Perform):
            effects.append(one)
            continue
        place = (command.organization_id, command.replica, command.type, command.entity_id)
        if isinstance(command, Read):
            reads[place] = one
            continue
        writes.pop(place, None)
        reads.pop(place, None)
        writes[place] = one
    return Work(tuple(writes.values()), tuple(reads.values()), tuple(effects))
