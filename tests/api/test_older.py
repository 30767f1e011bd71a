"""Events from before MongoDB's 30 days come from the archive, and nobody sees the seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api import older as older_module
from api.events import Search, search_events
from schemas.codec import encode
from schemas.feed import FeedLine
from streams.archive.erasures import Erasures
from streams.archive.files import land
from streams.archive.finding import Subject
from streams.archive.joined import Sources
from streams.archive.location import locate
from streams.archive.manifest import Manifest
from streams.history import HistoryViews
from streams.kafka import Incoming
from streams.keyring import Keyring
from support.archived import DAY_MS, T0, Shelf

pytestmark = pytest.mark.servers
KEYS = Keyring([b"k" * 32])
NOW = T0 + 40 * DAY_MS


def shelf() -> Shelf:
    """130 changes on one day, 30 two days later, and what may be filtered by."""
    made = Shelf()
    for number in range(130):
        made.line("changed", "product", f"p{number % 2}", T0 + number * 1_000,
                  source="woocommerce", fields={"price": f"{number}"})  # fmt: skip
    for number in range(30):
        made.line("changed", "product", "p1", T0 + 2 * DAY_MS + number, source="mongodb",
                  fields={"price": f"{200 + number}"})  # fmt: skip
    made.line("failed", "order", "o1", T0 + 2 * DAY_MS + 50, replica="woocommerce",
              reason="too long", fields={"note": "call 0771234567"})  # fmt: skip
    return made


@pytest.fixture
async def use(api: Any, tmp_path: Path, feed_line: Callable[..., FeedLine]) -> AsyncIterator[Any]:
    """The api forty days later; MongoDB has ten changes of today."""
    where = locate("", tmp_path)
    database = api.services.database
    await Manifest(database, where.name).commit({}, {}, land(where, shelf().events))
    sources = Sources(api.services.endpoints, database, where, KEYS, kafka=False)

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    lines = [
        feed_line("kandy", 500 + n, at_ms=NOW - 1_000 + n, fields={"price": f"{500 + n}"})
        for n in range(10)
    ]
    records = [Incoming("feed", 0, one.version, one.at_ms, b"", encode(one)) for one in lines]
    await HistoryViews(database, park).handle(records)
    before = api.app.state.services
    now = replace(before, history=sources, clock_ms=lambda: NOW)
    api.app.state.services = now
    yield now
    api.app.state.services = before


async def all_of(use: Any, search: Search, limit: int = 50) -> tuple[list[FeedLine], list[Any]]:
    """Every line of every page, and the pages."""
    pages, cursor = [], ""
    while not pages or cursor:
        page = await search_events(use, "kandy", search, cursor, limit)
        pages.append(page)
        cursor = page.next
    return [one.line for page in pages for one in page.found], pages


async def test_pages_go_on_from_mongodb_into_the_archive_without_gap_or_repeat(use: Any) -> None:
    lines, pages = await all_of(use, Search())
    prices = [line.fields.get("price") for line in lines]
    today = [f"{500 + n}" for n in reversed(range(10))]
    later = [f"{200 + n}" for n in reversed(range(30))]
    assert prices == [*today, None, *later, *(f"{n}" for n in reversed(range(130)))]
    assert pages[0].days == ("2026-11-20", "2026-11-18")
    assert [len(page.found) for page in pages[:3]] == [50, 50, 50]


async def test_filters_hold_in_the_archive_too(use: Any) -> None:
    async def count(**asked: Any) -> int:
        return len((await all_of(use, Search(**asked)))[0])

    assert await count(outcome="failed") == 1
    assert await count(type="product", replica="mongodb") == 30
    assert await count(entity="p0") == 65
    assert await count(until_ms=T0 + 10_000) == 10
    assert await count(since_ms=T0 + DAY_MS, until_ms=NOW - DAY_MS) == 31
    assert await count(type="shipment") == 0
    assert (await search_events(use, "galle", Search())).found == []


async def test_a_search_that_finds_little_ends_early_and_goes_on(
    use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older_module, "LOOKED_AT", 40)
    lines, pages = await all_of(use, Search(replica="woocommerce", entity="p1"), 20)
    assert len(lines) == 75
    first = await search_events(use, "kandy", Search(replica="nobody"))
    assert (first.found, first.next != "") == ([], True)
    assert len(pages) > 2


async def test_an_old_event_is_found_at_its_place_and_told_whole(api: Any, use: Any) -> None:
    async with api.client("kandy") as client:
        found = await client.get("/events?until=2026-11-20T23:00")
        place = found.text.partition('<p class="title"><a href="/events/')[2].partition('"')[0]
        page = await client.get(f"/events/{place}")
        then = await client.get(f"/events/{place}/then")
        missing = await client.get(f"/events/{T0 + 5}-99999")
    async with api.client("galle") as stranger:
        theirs = await stranger.get(f"/events/{place}")
    assert "18 Nov 2026 to 20 Nov 2026 were read from the archive" in found.text
    assert page.status_code == then.status_code == 200
    assert "too long" in page.text
    assert "It was not there." in then.text or "Nothing is known" in then.text
    assert (missing.status_code, theirs.status_code) == (404, 404)
    assert "Neither the last 30 days nor the archive has it." in missing.text


async def test_who_was_erased_is_not_in_old_events(use: Any) -> None:
    person = Subject("kandy", entities={("order", "o1")}, needles={"771234567"})
    await Erasures(use.database, KEYS).begin(person, "c1")
    line = (await all_of(use, Search(outcome="failed")))[0][0]
    assert "771234567" not in encode(line).decode()


async def test_an_archive_that_is_away_is_told_and_the_rest_is_shown(
    api: Any, use: Any, tmp_path: Path
) -> None:
    files = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.parquet")))
    await asyncio.to_thread(lambda: [file.unlink() for file in files])
    async with api.client("kandy") as client:
        page = await client.get("/events")
        one = await client.get(f"/events/{T0 + 1_000}-1")
    assert "The archive does not answer" in page.text
    assert "509.00" in page.text
    assert one.status_code == 503
