"""The history against a real MongoDB."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import encode
from schemas.feed import FeedLine
from streams.database import Database
from streams.history import KEPT_MS, HistoryViews, lines_of, orders_near
from streams.kafka.records import Incoming

pytestmark = pytest.mark.servers

T0 = 1_795_000_000_000


class Parked(list[str]):
    async def __call__(self, _record: Incoming, reason: str) -> None:
        self.append(reason)


def line(number: int, **named: Any) -> FeedLine:
    values: dict[str, Any] = {
        "organization_id": "kandy",
        "type": "inventory",
        "entity_id": "p/1",
        "id": f"inventory/p/1/{number}/0",
        "kind": "changed",
        "fields": {"quantity": number},
        "version": number,
        "at_ms": T0 + number,
    }
    return FeedLine(**{**values, **named})


def record(offset: int, value: FeedLine) -> Incoming:
    return Incoming("feed", 0, offset, 0, b"kandy", encode(value))


async def test_a_line_told_again_changes_nothing(fresh: Database) -> None:
    views = HistoryViews(fresh, Parked())
    told = [record(n, line(n)) for n in range(3)]
    await views.handle(told)
    await views.handle([*told[1:], record(3, line(3))])
    assert await fresh["ss_history"].count_documents({}) == 4
    row = await fresh["ss_history"].find_one({"atMs": T0})
    assert row is not None
    assert (row["kind"], row["fieldNames"], row["line"]) == (
        "changed",
        ["quantity"],
        encode(line(0)),
    )
    assert int(row["expiresAt"].timestamp() * 1000) == T0 + KEPT_MS


async def test_newest_first_in_pages_of_one_entity(fresh: Database) -> None:
    lines = [line(n, at_ms=T0 + n // 2) for n in range(5)]
    others = [
        line(9, entity_id="p/2", id="a"),
        line(9, organization_id="galle"),
        line(9, type="product", id="b"),
    ]
    told = [record(n, one) for n, one in enumerate([*lines, *others])]
    await HistoryViews(fresh, Parked()).handle(told)
    seen: list[int] = []
    before = None
    while True:
        page = await lines_of(fresh, "kandy", "inventory", "p/1", before=before, limit=2)
        seen += [found.version for _, found in page]
        if len(page) < 2:
            break
        before = page[-1][0]
    assert seen == [4, 3, 2, 1, 0]


async def test_of_one_field_with_what_may_explain_it(fresh: Database) -> None:
    lines = [
        line(1),
        line(2, fields={"sku": "A"}),
        line(3, kind="refused", fields={}),
        line(4, kind="deleted", fields={}),
        line(5, kind="effect", fields={"to": "+94"}),
    ]
    told = [record(n, one) for n, one in enumerate(lines)]
    await HistoryViews(fresh, Parked()).handle(told)
    found = await lines_of(fresh, "kandy", "inventory", "p/1", field="quantity")
    assert [one.kind for _, one in found] == ["deleted", "refused", "changed"]


async def test_what_is_no_line_is_parked(fresh: Database) -> None:
    parked = Parked()
    broken = Incoming("feed", 0, 0, 0, b"kandy", b"[]")
    await HistoryViews(fresh, parked).handle([broken, record(1, line(1))])
    assert len(parked) == 1
    assert await fresh["ss_history"].count_documents({}) == 1


async def test_orders_of_a_moment(fresh: Database) -> None:
    order = {"type": "order", "entity_id": "o1", "fields": {"items": []}}
    lines = [
        line(1, **order, id="o/1"),
        line(2, **order, id="o/2", organization_id="galle"),
        line(3, **order, id="o/3", kind="arrived"),
        line(4, **{**order, "fields": {"status": "shipped"}}, id="o/4"),
        line(5, **order, id="o/5", at_ms=T0 + 60_000),
    ]
    await HistoryViews(fresh, Parked()).handle([record(n, one) for n, one in enumerate(lines)])
    assert await orders_near(fresh, "kandy", [T0], 1_000) == [lines[0]]
    assert await orders_near(fresh, "kandy", [T0, T0 + 59_500], 1_000) == [lines[4], lines[0]]
    assert await orders_near(fresh, "kandy", [], 1_000) == []
