"""The JavaScript client: in a real React page, in a real browser, and as a package."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from playwright.async_api import Page, expect

from api.login import issue_login_link
from api.shapes import LiveConflict, LiveEvent, LiveSuggestion, ReplicaStatus, SyncStatus
from api.static import CLIENT
from schemas.codec import decode
from schemas.feed import FeedKind
from schemas.outcome import Resolution, Resync
from support.chromium import chromium, serve_react
from support.desk import Desk
from support.waiting import until

EIGHT = "isConnected syncStatus events conflicts connect disconnect forceSync resolveConflict"
# A client that others see from outside: every event that came, and how often a gap was told.
RECORD = """async () => {
    const { createRealTimeSync } = await import("/static/client/index.js");
    window.seen = [];
    window.gaps = 0;
    window.client = createRealTimeSync({ organizationId: "kandy", mostEvents: 20 });
    client.onEvent((event) => seen.push(event.version));
    client.onGap(() => { gaps += 1; });
    await new Promise((ready) => client.subscribe((state) => state.isConnected && ready()));
}"""

servers = pytest.mark.servers
browser = pytest.mark.browser


@pytest.mark.parametrize(
    ("interface", "shape"),
    [
        ("LiveEvent", LiveEvent),
        ("LiveConflict", LiveConflict),
        ("LiveSuggestion", LiveSuggestion),
        ("ReplicaStatus", ReplicaStatus),
        ("SyncStatus", SyncStatus),
    ],
)
def test_the_types_name_what_the_server_sends(interface: str, shape: type[Any]) -> None:
    text = (CLIENT / "index.d.ts").read_text()
    body = text.partition(f"export interface {interface} {{")[2].partition("\n}")[0]
    declared = re.findall(r"^  (\w+):", body, re.MULTILINE)
    assert declared == [field.encode_name for field in msgspec.structs.fields(shape)]


def test_the_types_name_every_kind() -> None:
    text = (CLIENT / "index.d.ts").read_text()
    body = text.partition("  kind:")[2].partition(";")[0]
    assert set(re.findall(r'"(\w+)"', body)) == set(FeedKind.__args__)


def test_the_package_holds_what_it_names() -> None:
    folder = CLIENT.parent
    package = json.loads((folder / "package.json").read_text())
    for entry in package["exports"].values():
        assert all((folder / path).is_file() for path in entry.values())
    assert {path.name for path in CLIENT.iterdir()} == {
        "index.js", "index.d.ts", "react.js", "react.d.ts"
    }  # fmt: skip
    assert package["license"] == "Apache-2.0"


@pytest.fixture
async def page(live: Any) -> AsyncIterator[Page]:
    """Logged in; any error on it fails the test."""
    async with chromium() as opened:
        found = await opened.new_page()
        complaints: list[str] = []
        found.on("pageerror", lambda error: complaints.append(str(error)))
        base = f"http://127.0.0.1:{live.port}"
        await found.goto(await issue_login_link(live.api.services.database, base, "kandy"))
        yield found
        assert complaints == []


async def seen(page: Page, last: int) -> list[int]:
    """Every event that the recording client was told of, once `last` is there."""

    async def look() -> list[int]:
        found: list[int] = await page.evaluate("seen")
        return found

    return await until(look, lambda found: bool(found) and found[-1] == last)


def cut(live: Any) -> None:
    """Every connection ends from the server's side."""
    for watcher in live.api.services.feed.watchers("kandy"):
        watcher.end(1012, "restart")


@servers
@browser
async def test_the_hook_in_a_react_page(live: Any, page: Page, desk: Desk) -> None:
    live.feed("kandy", 1, label="Ceylon BOPF")
    feed = live.api.services.feed
    await page.goto(
        await serve_react(page, f"http://127.0.0.1:{live.port}") + "?organization=kandy"
    )
    await expect(page.locator("#connected")).to_have_text("connected")
    assert await page.evaluate("Object.keys(window.sync).join(' ')") == EIGHT
    await expect(page.locator("#sentence")).not_to_be_empty()
    await expect(page.locator("#events li")).to_have_text(["Ceylon BOPF"])

    live.feed("kandy", 2, label="Green tea")
    await expect(page.locator("#events li")).to_have_text(["Green tea", "Ceylon BOPF"])

    line = await desk.contest()
    feed.take_conflicts([live.as_record(line, 0)])
    await page.get_by_role("button", name="price of Tea p1").click()
    await expect(page.locator("#conflicts li")).to_have_count(0)
    found = decode(live.api.sent.records[0].value, Resolution)
    assert (found.resolution, found.candidates) == ("remote", line.candidates)
    live.api.sent.desk = None  # it decides conflicts and knows of nothing else
    await page.locator("#force").click()

    async def forced() -> list[str]:
        records = live.api.sent.records[1:]
        return [decode(record.value, Resync).entity_id for record in records]

    assert await until(forced, lambda ids: ids != []) == ["p1"]

    await page.locator("#leave").click()
    await expect(page.locator("#connected")).to_have_text("not connected")
    live.feed("kandy", 3, label="Missed meanwhile")
    await page.locator("#join").click()
    await expect(page.locator("#events li")).to_have_text(
        ["Missed meanwhile", "Green tea", "Ceylon BOPF"]
    )

    await page.locator("#toggle").click()  # the component goes, and its connection with it

    async def watching() -> int:
        return len(feed.watchers("kandy"))

    assert await until(watching, lambda count: count == 0) == 0


@servers
@browser
async def test_no_gap_and_no_repeat_over_lost_connections(live: Any, page: Page) -> None:
    live.feed("kandy", 0)
    await page.goto(f"http://127.0.0.1:{live.port}/login")  # a quiet page of the same origin
    await page.evaluate(RECORD)
    for last in (10, 20, 30):
        live.feed("kandy", *range(last - 9, last - 5))
        cut(live)
        live.feed("kandy", *range(last - 5, last + 1))
        assert await seen(page, last) == list(range(1, last + 1))
    events = await page.evaluate("client.events.map((event) => event.version)")
    assert events == list(range(30, 10, -1)), "newest first, and no more than were asked for"
    assert await page.evaluate("gaps") == 0


@servers
@browser
async def test_a_frozen_tab_goes_on_where_it_was(live: Any, page: Page) -> None:
    live.feed("kandy", 0)
    await page.goto(f"http://127.0.0.1:{live.port}/login")
    await page.evaluate(RECORD)
    session = await page.context.new_cdp_session(page)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    live.feed("kandy", *range(1, 50))
    cut(live)
    live.feed("kandy", *range(50, 80))
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    assert await seen(page, 79) == list(range(1, 80))


@servers
@browser
async def test_a_place_that_is_not_known_any_more_is_told(live: Any, page: Page) -> None:
    live.feed("kandy", 0)
    await page.goto(f"http://127.0.0.1:{live.port}/login")
    await page.evaluate(RECORD)
    await page.evaluate("client.disconnect()")
    ring = live.api.services.feed.ring_of("kandy")
    ring.restart(0)  # the log was deleted: places count from the beginning again
    await page.evaluate("client.connect()")

    async def gaps() -> int:
        found: int = await page.evaluate("gaps")
        return found

    await until(gaps, lambda found: found == 1)
    live.feed("kandy", 0, 1)
    assert await seen(page, 1) == [0, 1]
