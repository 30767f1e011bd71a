"""The conflicts' view against a real MongoDB."""

from __future__ import annotations

import pytest

from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from streams.database import Database
from streams.kafka.records import Incoming
from streams.views import ConflictViews, row_id

pytestmark = pytest.mark.servers


def line(version: int, status: str = "open", conflict_id: str = "c1") -> ConflictLine:
    return ConflictLine(
        organization_id="kandy",
        type="product",
        entity_id="p1",
        id=conflict_id,
        field="attributes",
        status=status,  # type: ignore[arg-type]
        policy="manual",
        candidates={"mongodb": {"$where": 1, "a.b": 2**70}, "woocommerce": None},
        stamps={"mongodb": 1},
        opened_at_ms=5,
        at_ms=version,
        version=version,
    )


def record(value: bytes, offset: int = 0) -> Incoming:
    return Incoming("conflicts", 0, offset, 0, b"kandy/product/p1/attributes", value)


class Parked(list[str]):
    async def __call__(self, _record: Incoming, reason: str) -> None:
        self.append(reason)


@pytest.fixture
def database(fresh: Database) -> Database:
    return fresh


async def test_the_newest_version_stands_whatever_is_repeated(database: Database) -> None:
    views = ConflictViews(database, Parked())
    lines = [record(encode(line(1))), record(encode(line(3, "resolved"))), record(encode(line(2)))]
    await views.handle(lines)
    await views.handle(lines[:1])
    row = await database["ss_conflicts"].find_one({"_id": row_id("kandy", "c1")})
    assert row is not None
    assert (row["status"], row["version"]) == ("resolved", 3)
    assert decode(row["line"], ConflictLine) == line(3, "resolved")


async def test_an_older_line_does_not_keep_its_neighbours_out(database: Database) -> None:
    views = ConflictViews(database, Parked())
    await views.handle([record(encode(line(5)))])
    await views.handle([record(encode(line(4))), record(encode(line(1, conflict_id="c2")))])
    versions = {row["_id"]: row["version"] async for row in database["ss_conflicts"].find()}
    assert versions == {row_id("kandy", "c1"): 5, row_id("kandy", "c2"): 1}


async def test_what_is_no_line_is_parked_and_the_rest_goes_on(database: Database) -> None:
    parked = Parked()
    views = ConflictViews(database, parked)
    await views.handle([record(b"\xff"), record(b""), record(encode(line(1)))])
    assert len(parked) == 1
    assert await database["ss_conflicts"].count_documents({}) == 1
