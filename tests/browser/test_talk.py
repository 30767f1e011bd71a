"""Somebody asks on WhatsApp, and a person answers on the page, which follows by itself."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from tests.browser.conftest import Visit
from tests.browser.test_jobs import barriers


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """An organisation with an empty shop and a WhatsApp number."""
    async with open_merchant(system, f"t{secrets.token_hex(4)}", Platforms(load=False)) as made:
        yield made


async def test_a_customer_is_answered_and_the_page_follows(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    page = (await visit(viewport={"width": 1100, "height": 800})).page
    await page.goto(f"{system.url}/conversations")
    await merchant.sandbox.customer_writes(merchant.number, "+94771234567", "Do you wrap gifts?")
    await page.locator("#talk-list .people a").first.click(timeout=20_000)  # it comes by itself
    heard = page.locator(".messages li").filter(has_text="Do you wrap gifts?")
    await expect(heard).to_be_visible()
    await page.get_by_role("button", name="I answer here myself").click()
    await page.get_by_label("Your answer").fill("Yes, for nothing.")
    await page.get_by_role("button", name="Send").click()
    said = page.locator(".messages li").filter(has_text="Yes, for nothing.")
    await expect(said.locator(".delivery")).to_have_text("Read", timeout=20_000)
    assert await barriers(page) == []
