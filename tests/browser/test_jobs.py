"""What people come for: connect a shop, see changes arrive, decide, trust what the page says."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from runtime.demo.merchant import Merchant
from runtime.demo.pictures import SERIOUS
from runtime.demo.system import System
from support.small_shop import item, settled, sku, stock_up
from support.waiting import until
from tests.browser.conftest import Visit
from tests.browser.door import Door


async def reprice(merchant: Merchant, price: str) -> None:
    """In the shop, as a shopkeeper does."""
    await merchant.sandbox.edit_product(merchant.shop.name, sku(0), regular_price=price)


async def barriers(page: Page) -> list[str]:
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{page.url} {one['id']}: {one['nodes'][0]['target'][0]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


async def test_a_shop_is_connected_and_its_first_change_is_seen(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    visitor = await visit()
    page = visitor.page
    await page.goto(f"{system.url}/integrations")
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("To remove it, type its name").fill("WooCommerce")
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("It is removed")

    await page.get_by_role("link", name="Add a connection").click()
    await page.get_by_role("link", name="Your shop on WordPress").click()
    await page.locator("[name='setting.site_url']").fill(merchant.shop.url)
    await page.locator("[name='secret.consumer_key']").fill(merchant.shop.consumer_key)
    await page.locator("[name='secret.consumer_secret']").fill(merchant.shop.consumer_secret)
    await page.locator("[name='secret.webhook_secret']").fill(merchant.shop.webhook_secret)
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(page.get_by_role("status").first).to_contain_text("It is connected")
    connection = page.url.partition("?")[0]

    await page.get_by_role("button", name="Test connection").click()
    await expect(page.locator(".probes li").first).to_be_visible()
    assert await page.locator(".probes li[data-tone=bad]").all_inner_texts() == []
    await page.goto(connection)
    await page.get_by_role("button", name="Look what would change").click()
    confirm = page.get_by_role("button", name="Confirm and import")
    await expect(confirm).to_be_visible(timeout=20_000)  # the page looks again by itself
    await confirm.click()
    await expect(page.get_by_text("Done: 0 items were read")).to_be_visible(timeout=20_000)
    await stock_up(merchant, 1, 10)
    await page.goto(connection)
    await expect(page.locator("#heard[data-tone=good]")).to_be_visible()

    await page.goto(f"{system.url}/sync")
    await expect(page.locator("#connection[data-tone=good]")).to_be_visible()
    await reprice(merchant, "431")
    await visitor.row("WooCommerce changed price")
    await visitor.row("431.00")
    await visitor.row("Your app is up to date")


async def test_a_decision_on_the_page_changes_both_platforms(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    await stock_up(merchant, 1, 10)
    visitor = await visit()
    page, card = visitor.page, visitor.page.locator("#conflict-list .conflict")
    there = ""
    for n in range(10):  # the second may have seen the first: then it is no conflict
        there = f"{300 + n}"
        here = merchant.set_product(item(merchant, 0), price=f"{200 + n}")
        await asyncio.gather(here, reprice(merchant, there))
        try:
            await expect(card).to_have_count(1, timeout=3_000)
            break
        except AssertionError:
            continue
    await page.get_by_role("button", name=f"Keep this: WooCommerce, Rs {there}.00").click()
    await expect(card).to_have_count(0)
    await expect(page.locator("#told")).to_contain_text(f"kept WooCommerce's Rs {there}.00")
    await settled(merchant)

    async def price() -> Any:
        row = await merchant.collection("products").find_one({"_id": item(merchant, 0)})
        return row["price"].to_decimal() if row else None

    await until(price, lambda found: found == Decimal(there))
    shown = await merchant.sandbox.product(merchant.shop.name, sku(0))
    assert Decimal(shown["regular_price"]) == Decimal(there)
    await page.locator("#events li a").first.click()
    await expect(page.locator("#raw")).to_be_visible(timeout=15_000)
    assert await barriers(page) == []


async def test_a_lost_network_is_told_and_made_up_for_without_gap_or_repeat(
    merchant: Merchant, visit: Visit, door: Door
) -> None:
    await stock_up(merchant, 1, 10)
    visitor = await visit(base=door.url)
    await reprice(merchant, "501")
    await visitor.row("501.00")
    door.shut()
    word = visitor.page.locator("#connection .word")
    await expect(word).to_contain_text("No word from the server for", timeout=12_000)
    for price in ("502", "503", "504"):
        await reprice(merchant, price)
        await settled(merchant)
    door.open()
    await expect(word).to_have_text("Live", timeout=20_000)
    for price in ("502.00", "503.00", "504.00"):
        await visitor.row(price)
    told = (await merchant.ask("GET", "/api/events?limit=60"))["events"]

    async def ids() -> list[str]:
        return await visitor.ids()

    wanted = [event["id"] for event in told]
    seen = await until(ids, lambda found: found[: len(wanted)] == wanted[: len(found)])
    assert len(seen) == len(set(seen))
    visitor.complaints.clear()  # the browser names every request that found the door shut


async def test_two_browsers_see_the_same_within_a_second_in_every_language(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    await stock_up(merchant, 1, 10)
    one, other = await visit(), await visit(viewport={"width": 1100, "height": 800})
    await one.page.get_by_role("button", name="සිංහල").click()
    await expect(one.page.locator("html")).to_have_attribute("lang", "si")
    await expect(one.page.locator("#connection .word")).to_have_text("සජීවී")
    await expect(one.page.locator("#sentence")).to_have_text("සියල්ල සමමුහුර්තයි.", timeout=15_000)
    await reprice(merchant, "601")
    await asyncio.wait(
        [asyncio.create_task(v.row("601.00")) for v in (one, other)],
        return_when=asyncio.FIRST_COMPLETED,
    )
    first = time.monotonic()
    await asyncio.gather(one.row("601.00"), other.row("601.00"))
    assert time.monotonic() - first < 1
    await settled(merchant)
    await one.row("WooCommerce මිල වෙනස් කළා")
    await until(one.ids, lambda found: bool(found))
    assert (await one.ids())[:3] == (await other.ids())[:3]
    assert await barriers(one.page) == []
    found = []
    for path in ("/integrations", "/integrations/add/whatsapp", "/events", "/sync/evidence"):
        await one.page.goto(system.url + path)
        found += await barriers(one.page)
        assert await one.page.evaluate("document.documentElement.scrollWidth") == 360, path
    assert found == []


@pytest.mark.parametrize(
    ("name", "word"), [("redis", "Redis"), ("kafka", "Kafka"), ("mongod", "MongoDB")]
)
async def test_a_server_that_is_gone_is_told_in_words_within_five_seconds(
    system: System, visit: Visit, name: str, word: str
) -> None:
    visitor = await visit()
    sentence = visitor.page.locator("#sentence")
    pid = system.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        await expect(sentence).to_contain_text(f"{word} does not answer since", timeout=5_000)
        if name == "mongod":  # of which every page is made
            for path in ("/events", "/conversations", "/shipments", "/analytics", "/people"):
                answer = await visitor.page.request.get(system.url + path)
                assert answer.status == 503, path
                assert "MongoDB does not answer since" in await answer.text(), path
    finally:
        os.kill(pid, signal.SIGCONT)
    await expect(sentence).not_to_contain_text("does not answer", timeout=15_000)
