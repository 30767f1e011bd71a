"""What tests of MongoDB's client share: a connection, links, commands in few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bson.objectid import ObjectId

from connectors.mongodb.client import MongoDBClient
from connectors.protocol import Answer, Connection, StateCommand
from schemas.command import Write

HEX = "65f0c0ffee65f0c0ffee65f0"
OID = ObjectId(HEX)
CONNECTION = Connection(
    id="org:mongodb", organization_id="org", platform="mongodb", replica="mongodb"
)


@dataclass
class KnownLinks:
    """Links of one test."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        return self.known.get((entity_type, entity_id))


async def one(client: MongoDBClient, command: StateCommand) -> Answer:
    """The answer to one command."""
    (answer,) = await client.apply([command], KnownLinks())
    return answer


def place(kind: str = "product", entity_id: str = HEX) -> dict[str, Any]:
    """What every command carries."""
    return {
        "organization_id": "org",
        "type": kind,
        "entity_id": entity_id,
        "replica": "mongodb",
        "issued_at_ms": 0,
    }


def write(
    want: dict[str, Any],
    expected: dict[str, Any],
    *,
    op: tuple[int, int] = (7, 1),
    after: tuple[int, int] | None = None,
    kind: str = "product",
    external_id: str = HEX,
    **more: Any,
) -> Write:
    """A write of these values over those."""
    return Write(
        **place(kind),
        external_id=external_id,
        want=want,
        expected=expected,
        op=op,
        after=after,
        **more,
    )
