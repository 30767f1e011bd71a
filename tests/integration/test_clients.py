"""Both clients over a server that is killed while things change: every event once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from api.clients import RealTimeSync
from api.login import issue_login_link
from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from streams.database import open_database
from support.chromium import chromium
from support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

RECORD = """async () => {
    const { createRealTimeSync } = await import("/static/client/index.js");
    window.seen = [];
    window.client = createRealTimeSync({ mostEvents: 5 });
    client.onEvent((event) => seen.push(event.cursor));
    await new Promise((ready) => client.subscribe((state) => state.isConnected && ready()));
}"""


async def test_no_gap_and_no_repeat_when_the_server_is_killed(
    merchant: Merchant, system: System
) -> None:
    heard: list[str] = []
    async with (
        chromium() as browser,
        RealTimeSync(system.url, merchant.organization_id, merchant.api_key) as sync,
    ):
        listening = asyncio.create_task(listen(sync, heard))
        page = await browser.new_page()
        await page.goto(await login(system, merchant.organization_id))
        await page.evaluate(RECORD)
        for word in ("before", "during", "after"):
            if word == "during":
                system.kill("api")
            for number in range(3):
                await merchant.add_product(f"{word}{number}", f"{word}-{number}", 5, name=word)

        async def kept() -> list[str]:
            return await of_the_feed(merchant)

        # Each product is told of as a change and as its arrival in the shop; the rest is stock.
        feed = await until(settled(kept), lambda cursors: len(cursors) >= 18, limit_s=90, every_s=1)

        async def both() -> tuple[list[str], list[str]]:
            return heard, await page.evaluate("seen")

        await until(both, lambda found: found == (feed, feed), limit_s=30)
        assert await page.evaluate("client.events.length") == 5
        listening.cancel()


async def listen(sync: RealTimeSync, heard: list[str]) -> None:
    async for event in sync.events():
        heard.append(event.cursor)


async def login(system: System, organization_id: str) -> str:
    database = open_database(system.endpoints())
    try:
        return await issue_login_link(database, system.url, organization_id)
    finally:
        await database.client.close()


async def of_the_feed(merchant: Merchant) -> list[str]:
    """Cursors of all that Kafka holds of this merchant, oldest first."""
    found: list[str] = []
    following = ""
    while True:
        page = await merchant.ask("GET", f"/api/events?limit=500&cursor={following}")
        found += [event["cursor"] for event in page["events"]]
        following = page["next"]
        if not following:
            return found[::-1]


def settled(look: Callable[[], Awaitable[list[str]]]) -> Callable[[], Awaitable[list[str]]]:
    """`look`, empty while nobody answers or two looks in a row do not see the same."""
    last: list[str] = []

    async def again() -> list[str]:
        nonlocal last
        try:
            found = await look()
        except httpx.HTTPError:
            return []
        same, last = found == last, found
        return found if same else []

    return again
