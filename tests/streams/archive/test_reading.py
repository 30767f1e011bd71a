"""A long history is read in order, a little at a time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from schemas.archive import ArchivedEvent
from streams.archive.files import land
from streams.archive.location import locate
from streams.archive.manifest import Snapshot
from streams.archive.reading import PIECE, Archive, Query
from support.archived import DAY_MS, T0

EVENTS = 3_000


def event(number: int, entity: int) -> ArchivedEvent:
    """Three of one moment, over two days; some deleted."""
    at_ms = T0 + (number // 3) * (2 * DAY_MS // (EVENTS // 3))
    entity_id = f"p{entity}"
    return ArchivedEvent(
        "kandy", ("feed", "observations")[number % 2], "log", number % 4, number, at_ms, at_ms,
        entity_id.encode(), "", "product", entity_id, "seen", "mongodb", (("ce_id", b"1"),),
        None if number % 50 == 0 else "x" * 200,
    )  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Archive, list[ArchivedEvent]]:
    """Landed in four turns, so that every day has several files."""
    chance = random.Random(7)
    events = [event(number, chance.randrange(40)) for number in range(EVENTS)]
    location = locate("", tmp_path)
    shuffled = chance.sample(events, EVENTS)
    files = [one for turn in range(4) for one in land(location, shuffled[turn::4])]
    return Archive(location, Snapshot(tuple(files), {})), events


@pytest.mark.parametrize("at_once", [EVENTS, 500, 1])
def test_everything_comes_once_in_order_in_small_lists(
    kept: tuple[Archive, list[ArchivedEvent]], at_once: int
) -> None:
    archive, events = kept
    query = Query(topics=frozenset({"feed"})) if at_once == 1 else Query()
    wanted = [one for one in events if query.takes(one)][: 60 if at_once == 1 else EVENTS]
    read: list[ArchivedEvent] = []
    for piece in archive.batches(query, at_once):
        assert len(piece) <= min(PIECE, at_once + 2)  # all of one moment come together
        read += piece
        if len(read) >= len(wanted):
            break
    assert read[: len(wanted)] == sorted(wanted, key=lambda one: one.place)


def test_one_entitys_history_is_found_in_every_file(
    kept: tuple[Archive, list[ArchivedEvent]],
) -> None:
    archive, events = kept
    found = list(archive.read(Query(entity_id="p7"), 20))
    mine = [one for one in events if one.entity_id == "p7"]
    assert len(mine) > 20
    assert found == sorted(mine, key=lambda one: one.place)
    assert list(archive.read(Query(entity_id="p99"))) == []
