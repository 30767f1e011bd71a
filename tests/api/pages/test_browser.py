"""The sync page in a real browser: live, at 360 pixels, without a word of complaint."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from schemas.codec import decode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from support.desk import Desk

pytestmark = [pytest.mark.servers, pytest.mark.browser]


def conflict(version: int, status: str = "open", **named: Any) -> ConflictLine:
    values: dict[str, Any] = {
        "organization_id": "kandy",
        "type": "product",
        "entity_id": "p1",
        "id": "kandy.product.p1.price.3",
        "field": "price",
        "status": status,
        "policy": "manual",
        "candidates": {"mongodb": "1899.5", "woocommerce": "1950"},
        "stamps": {"mongodb": 1_795_000_000_000},
        "opened_at_ms": 1_795_000_000_000,
        "at_ms": 1_795_000_000_000,
        "version": version,
    }
    return ConflictLine(**{**values, **named})


async def test_events_appear_by_themselves_and_can_be_paused(live: Any, page: Page) -> None:
    await expect(page.locator("#no-events")).to_be_visible()
    live.feed("kandy", 1, kind="arrived", replica="woocommerce", latency_ms=84)
    rows = page.locator("#events li")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("WooCommerce is up to date after 84 ms")
    await expect(rows.first).to_contain_text("1,899.50")
    await page.get_by_role("button", name="Pause").click()
    live.feed("kandy", 2, fields={"name": "<b>Tea</b>"})
    await expect(page.locator("#pause")).to_have_text("Go on (1 new)")
    await expect(rows).to_have_count(1)
    await page.locator("#pause").click()
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("<b>Tea</b>")


@pytest.mark.parametrize(
    ("language", "amount"), [("en", "Rs 431.00"), ("si", "රු. 431.00"), ("ta", "ரூ 431.00")]
)
async def test_an_amount_is_written_by_the_script_as_by_the_server(
    live: Any, page: Page, language: str, amount: str
) -> None:
    await page.locator(f"button[name=language][value={language}]").click()
    await expect(page.locator(f"html[lang={language}]")).to_have_count(1)
    await expect(page.locator("#connection[data-tone=good]")).to_be_visible()
    live.feed("kandy", 1, type="order", fields={"total": "431", "currency": "LKR"})
    told = page.locator("#events li b").first
    await expect(told).to_have_text(amount)
    await page.reload()
    await expect(told).to_have_text(amount)


async def test_metas_refusal_is_told_plainly_by_the_script_as_by_the_server(
    live: Any, page: Page
) -> None:
    live.feed("kandy", 1, kind="failed", replica="whatsapp", reason="100: Invalid <i>price</i>")
    row = page.locator("#events li").first
    told = "WhatsApp does not accept a value in it. Meta: 100: Invalid <i>price</i>"
    await expect(row).to_contain_text(told)
    await page.reload()
    await expect(row).to_contain_text(told)


async def test_a_conflict_appears_is_decided_and_taken_back(
    live: Any, page: Page, desk: Desk
) -> None:
    feed = live.api.services.feed
    line = await desk.contest()
    feed.take_conflicts([live.as_record(line, 0)])
    card = page.locator("#conflict-list .conflict")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("Price of product")
    await card.get_by_role("button", name="Keep this: WooCommerce, 1,950.00").click()
    await expect(card).to_have_count(0)
    await expect(page.locator("#told")).to_contain_text("kept WooCommerce's 1,950.00")
    await expect(page.locator("#no-conflicts")).to_be_visible()
    resolution = decode(live.api.sent.records[0].value, Resolution)
    assert (resolution.side, resolution.candidates) == ("woocommerce", line.candidates)
    await page.locator("#told").get_by_role("button", name="Undo").click()
    await expect(card).to_have_count(1)
    await expect(page.locator("#told")).to_contain_text("It was taken back")


async def test_the_keyboard_alone_decides(live: Any, page: Page, desk: Desk) -> None:
    line = await desk.contest()
    live.api.services.feed.take_conflicts([live.as_record(line, 0)])
    await expect(page.locator("#conflict-list .conflict")).to_have_count(1)
    summary = page.get_by_text("Another value")
    await summary.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("1925")
    await page.keyboard.press("Enter")
    await expect(page.locator("#told")).to_contain_text("set it to 1,925.00")
    assert desk.items[b"kandy/product/p1"].agreed("price") == "1925"
    focused = await page.evaluate("document.activeElement.id")
    assert focused == "conflicts", "whoever decided stays where decisions are"


async def test_what_is_being_typed_is_not_taken_away(live: Any, page: Page, desk: Desk) -> None:
    first = await desk.contest("p1")
    feed = live.api.services.feed
    feed.take_conflicts([live.as_record(first, 0)])
    await page.get_by_text("Another value").click()
    await page.locator("input[name=value]").fill("19")
    second = await desk.contest("p2")
    feed.take_conflicts([live.as_record(second, 1)])
    await expect(page.locator("#conflict-list .conflict")).to_have_count(2)
    assert await page.locator("input[name=value]").first.input_value() == "19"


async def test_a_held_batch_is_reviewed_with_progress(live: Any, page: Page) -> None:
    lines = [held(n) for n in range(12)]
    await live.show(*lines)
    live.api.services.feed.take_conflicts([live.as_record(line, n) for n, line in enumerate(lines)])
    card = page.locator("#batch-list .held")
    await expect(card).to_contain_text("WooCommerce reports 12 products at 0")
    await expect(page.locator("#conflict-list .conflict")).to_have_count(0)
    await card.get_by_role("button", name="No, keep the stock we have").click()
    action = page.locator("#batch-list .action")
    await expect(action).to_contain_text("Keeping what you have: 0 of 12")
    await expect(action.locator("progress")).to_be_visible()
    jobs = live.api.services.database["ss_jobs"]
    done = {"state": "done", "done": 12, "details": {"counts": {"settled": 12}}}
    await jobs.update_one({}, {"$set": done})
    await expect(action).to_contain_text("Kept what you have: 12 of 12")
    await expect(action.get_by_role("button", name="Undo all")).to_be_visible()


def held(n: int) -> ConflictLine:
    return ConflictLine(
        organization_id="kandy",
        type="inventory",
        entity_id=f"i{n}",
        id=f"kandy.inventory.i{n}.quantity.3",
        field="quantity",
        label=f"TEA-{n}",
        status="open",
        policy="brake",
        brake="stock",
        challenger="woocommerce",
        candidates={"mongodb": 12 + n, "woocommerce": 0},
        stamps={},
        opened_at_ms=1_795_000_000_000 + n,
        at_ms=1_795_000_000_000 + n,
        version=3,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_the_phone(live: Any, page: Page, scheme: str) -> None:
    live.feed("kandy", 1, fields={"description": "x" * 300}, entity_id="y" * 120)
    lines = [held(0), conflict(3), conflict(4, "resolved", id="r" * 80, by="key:" + "n" * 70)]
    await live.show(*lines, conflict(4, "resolved", id="a", automatic=True, value="z" * 300))
    live.api.services.feed.take_conflicts([live.as_record(conflict(3), 0)])
    await expect(page.locator(".conflict")).to_have_count(2)
    for summary in await page.locator("summary").all():
        await summary.click()
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    small = await page.evaluate(
        "[...document.querySelectorAll('button, nav a, summary, .also label, .about a')]"
        ".filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).length"
    )
    assert small == 0
