"""Entities as they stood: folded from the changelog, or taken back from a later record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.archive import SYSTEM, ArchivedEvent
from schemas.base import entity_key
from schemas.codec import encode
from schemas.feed import FeedLine
from streams.archive.reading import Query
from streams.sync.record import Agreed, ClaimMark, Record, Tombstone
from streams.timetravel import Fold, TimeTravel, difference, differences, taken_back

T0 = 1_795_000_000_000


def record(version: int, price: str | None = "10", epoch: int = 1, **named: Any) -> Record:
    fields = {} if price is None else {"price": Agreed(price, T0, "mongodb")}
    named.setdefault("fields", fields)
    entity_id = named.pop("entity_id", "p1")
    return Record("kandy", "product", entity_id, epoch=epoch, version=version, **named)


def event(
    offset: int, value: Record | None, log: str = "a", entity_id: str = "p1"
) -> ArchivedEvent:
    return ArchivedEvent(
        organization="kandy",
        topic="entities-changelog",
        log=log,
        partition=0,
        offset=offset,
        at_ms=T0 + offset,
        timestamp_ms=T0 + offset,
        key=entity_key("kandy", "product", entity_id),
        event="",
        type="product",
        entity_id=entity_id,
        kind="record",
        source="reconcile",
        headers=(),
        value=None if value is None else encode(value).decode(),
    )


def claim(offset: int) -> ArchivedEvent:
    mark = encode(ClaimMark("worker", T0)).decode()
    return event(offset, None)._replace(
        organization=SYSTEM, key=b"\x00claim/worker", type="", entity_id="", value=mark
    )


def history(*events: ArchivedEvent) -> Any:
    async def read(query: Query) -> AsyncIterator[ArchivedEvent]:
        for one in sorted(events, key=lambda one: one.place):
            if query.takes(one):
                yield one

    return read


def travel(*events: ArchivedEvent) -> TimeTravel:
    return TimeTravel(None, history(*events), T0 + 1_000)  # type: ignore[arg-type]


PAST = (
    event(10, record(1, "10")),
    event(20, record(2, "12")),
    event(30, record(3, None, tombstone=Tombstone(T0 + 30, "woocommerce"))),
)


@pytest.mark.parametrize(
    ("at", "version"), [(9, None), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (500, 3)]
)
async def test_an_entity_as_it_stood(at: int, version: int | None) -> None:
    then = await travel(*PAST).at("kandy", "product", "p1", T0 + at)
    assert then.complete
    assert (then.record and then.record.version) == version


async def test_a_woken_former_owner_wrote_nothing() -> None:
    """Behind a claim at offset 14 (epoch 15), records of lower epochs are not the entity's."""
    zombie = event(15, record(9, "999", epoch=1))
    past = (event(10, record(1, "10")), claim(14), zombie, event(16, record(2, "12", epoch=15)))
    stood = [v.version for v in await travel(*past).versions("kandy", "product", "p1")]
    assert stood == [1, 2]
    then = await travel(*past).at("kandy", "product", "p1", T0 + 15)
    assert then.record is not None
    assert then.record.fields["price"].value == "10"


def test_in_a_new_log_versions_begin_anew() -> None:
    fold = Fold()
    for one in (event(10, record(7, "10", epoch=50)), event(20, record(1, "12"), log="b")):
        assert fold.take(one) is not None
    (held,) = fold.held.values()
    assert held.version == 1


async def test_a_whole_organisation_and_what_became_of_it() -> None:
    other = event(25, record(1, "5", entity_id="p2"), entity_id="p2")
    times = [T0 + 15, T0 + 27, T0 + 40]
    states = [s async for s in travel(*PAST, other).organization("kandy", times)]
    assert [sorted(k.decode() for k in state) for state in states] == [
        ["kandy/product/p1"],
        ["kandy/product/p1", "kandy/product/p2"],
        ["kandy/product/p1", "kandy/product/p2"],
    ]
    first, second, third = states
    assert [(d.change, d.fields) for d in differences(first, second)] == [
        ("changed", {"price": ("10", "12")}),
        ("created", {"price": (None, "5")}),
    ]
    assert [d.change for d in differences(second, third)] == ["deleted"]
    assert list(differences(second, second)) == []
    only = [s async for s in travel(*PAST).organization("kandy", [T0 + 15], "order")]
    assert only == [{}]


def test_nothing_changed_for_people() -> None:
    """A write that arrived makes a new version; the agreed values are the same."""
    assert difference(record(1), record(2)) is None
    assert difference(None, None) is None


def test_values_are_taken_back() -> None:
    def line(version: int, fields: dict[str, Any], previous: dict[str, Any]) -> FeedLine:
        return FeedLine(
            organization_id="kandy", type="product", entity_id="p1", id=str(version),
            kind="changed", version=version, at_ms=T0, fields=fields, previous=previous,
        )  # fmt: skip

    now = record(4, "14", fields={"price": Agreed("14", T0, "m"), "name": Agreed("Tea", T0, "m")})
    newest_first = [line(4, {"price": "14"}, {"price": "12"}), line(3, {"name": "Tea"}, {})]
    before = taken_back(now, newest_first)
    assert {name: held.value for name, held in before.fields.items()} == {"price": "12"}
