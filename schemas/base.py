"""What every wire structure shares.

msgspec structures, not pydantic models, because they lie on the path of every event: decoding takes
less than half the time, encoding a third (docs/adr/0003, `./smartstore bench codec`). Pydantic
stays at the edges.
"""

from __future__ import annotations

from typing import Any

import msgspec

Fields = dict[str, Any]
"""Canonical field name to JSON value. A missing name says nothing of the field; None says
"empty"."""

Operation = tuple[int, int]
"""(epoch, counter): rises with every write of an entity, across owners too."""

Ticket = tuple[int, int]
"""(epoch, clock): when a read was asked for, in the clock of the entity's owner."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A structure on the wire: camelCase JSON, unknown names ignored, defaults left out."""


class EntityWire(Wire, frozen=True, kw_only=True):
    """A structure that belongs to one entity and travels under that entity's key."""

    organization_id: str
    type: str
    entity_id: str

    @property
    def key(self) -> bytes:
        """The Kafka key of everything about this entity."""
        return entity_key(self.organization_id, self.type, self.entity_id)


def entity_key(organization_id: str, entity_type: str, entity_id: str) -> bytes:
    """`org/type/id`; organisation ids and types hold no slash, entity ids may."""
    return f"{organization_id}/{entity_type}/{entity_id}".encode()


def split_key(key: bytes) -> tuple[str, str, str]:
    """The inverse of `entity_key`. Raises ValueError for anything else."""
    organization_id, entity_type, entity_id = key.decode().split("/", 2)
    return organization_id, entity_type, entity_id
