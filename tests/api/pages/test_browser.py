"""The sync page in a real browser: live, at 360 pixels, without a word of complaint."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from api.login import issue_login_link
from schemas.codec import decode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution

pytestmark = [pytest.mark.servers, pytest.mark.browser]

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs Chromium (Debian and Ubuntu: apt-get install chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=found, args=QUIET)
        yield opened
        await opened.close()


@pytest.fixture
async def page(live: Any, browser: Browser) -> AsyncIterator[Page]:
    """/sync on a small phone, logged in; any error on it fails the test."""
    context = await browser.new_context(viewport={"width": 360, "height": 740})
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    base = f"http://127.0.0.1:{live.port}"
    await opened.goto(await issue_login_link(live.api.services.database, base, "kandy"))
    await expect(opened.locator("#connection .word")).to_have_text("Live")
    yield opened
    await context.close()
    assert complaints == []


def conflict(version: int, status: str = "open") -> ConflictLine:
    return ConflictLine(
        organization_id="kandy",
        type="product",
        entity_id="p1",
        id="kandy.product.p1.price.3",
        field="price",
        status=status,  # type: ignore[arg-type]
        policy="manual",
        candidates={"mongodb": "1899.5", "woocommerce": "1950"},
        stamps={"mongodb": 1_795_000_000_000},
        opened_at_ms=1_795_000_000_000,
        at_ms=1_795_000_000_000,
        version=version,
    )


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


async def test_a_conflict_appears_is_decided_and_leaves(live: Any, page: Page) -> None:
    services, sent = live.api.services, live.api.sent
    services.feed.take_conflicts([live.as_record(conflict(3), 0)])
    card = page.locator(".conflict")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("Price of product")
    await live.show(conflict(3))
    await card.get_by_role("button", name="Keep this").first.click()
    await expect(card.get_by_role("button").first).to_have_text("Sending your decision…")
    await expect(page.locator("#spoken")).to_have_text("Your decision is on its way.")
    resolution = decode(sent.records[0].value, Resolution)
    assert (resolution.resolution, resolution.candidates) == ("local", conflict(3).candidates)
    services.feed.take_conflicts([live.as_record(conflict(4, "resolved"), 1)])
    await expect(card).to_have_count(0)
    await expect(page.locator("#no-conflicts")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_the_phone(live: Any, page: Page, scheme: str) -> None:
    live.feed("kandy", 1, fields={"description": "x" * 300}, entity_id="y" * 120)
    live.api.services.feed.take_conflicts([live.as_record(conflict(3), 0)])
    await expect(page.locator(".conflict")).to_have_count(1)
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    small = await page.evaluate(
        "[...document.querySelectorAll('button, nav a')]"
        ".filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).length"
    )
    assert small == 0
