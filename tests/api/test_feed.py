"""What the feed does with records, without Kafka."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from api.feed import Feed
from schemas.feed import ConflictLine, FeedLine
from schemas.settings import Endpoints

Make = Callable[..., FeedLine]
AsRecord = Callable[..., Any]


class Watcher:
    """Counts."""

    def __init__(self) -> None:
        self.woken = 0
        self.conflicts: list[ConflictLine] = []

    def wake(self) -> None:
        self.woken += 1

    def conflict(self, line: ConflictLine) -> None:
        self.conflicts.append(line)


@pytest.fixture
def feed() -> Feed:
    return Feed(Endpoints.model_validate({"KAFKA_PARTITIONS": 1}), 100)


def conflict(version: int, status: str = "open") -> ConflictLine:
    return ConflictLine(
        organization_id="kandy",
        type="product",
        entity_id="p1",
        id="c1",
        field="price",
        status=status,  # type: ignore[arg-type]
        policy="manual",
        candidates={"mongodb": "1", "woocommerce": "2"},
        stamps={},
        opened_at_ms=1,
        at_ms=version,
        version=version,
    )


def test_only_the_organisation_that_is_meant_wakes(
    feed: Feed, feed_line: Make, as_record: AsRecord
) -> None:
    kandy, galle = Watcher(), Watcher()
    feed.watch("kandy", kandy)
    feed.watch("galle", galle)
    feed.take([as_record(feed_line("kandy", n), n) for n in range(3)])
    assert (kandy.woken, galle.woken) == (1, 0)
    feed.unwatch("kandy", kandy)
    feed.take([as_record(feed_line("kandy", 3), 3)])
    assert kandy.woken == 1
    assert feed.watching() == {"galle": 1}


def test_arrivals_tell_when_a_platform_was_last_in_sync(
    feed: Feed, feed_line: Make, as_record: AsRecord
) -> None:
    arrived = feed_line("kandy", 5, kind="arrived", replica="woocommerce")
    feed.take([as_record(feed_line("kandy", 4), 0), as_record(arrived, 1)])
    assert feed.heard("kandy").arrived_ms == {"woocommerce": arrived.at_ms}
    assert feed.heard("kandy").last_sync_ms == arrived.at_ms
    assert feed.heard("galle").last_sync_ms == 0


def test_records_that_are_no_lines_are_passed_by(
    feed: Feed, feed_line: Make, as_record: AsRecord
) -> None:
    bad = [
        SimpleNamespace(value=value, offset=n, partition=0)
        for n, value in enumerate((None, b"", b"\xff", b'{"kind":"changed"}'))
    ]
    feed.take([*bad, as_record(feed_line("kandy"), 4)])
    ring = feed.ring_of("kandy")
    assert ring.stop == 5
    assert len(ring.since("kandy", 0)) == 1


def test_conflicts_are_remembered_newest_first_wins(feed: Feed, as_record: AsRecord) -> None:
    watcher = Watcher()
    feed.watch("kandy", watcher)
    feed.take_conflicts([as_record(conflict(2), 0), as_record(conflict(1), 1)])
    assert feed.recent_conflicts("kandy") == [conflict(2)]
    assert feed.recent_conflicts("galle") == []
    feed.take_conflicts([as_record(conflict(2), 0), as_record(conflict(3, "resolved"), 2)])
    assert [line.version for line in watcher.conflicts] == [2, 3]
