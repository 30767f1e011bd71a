"""What happened is looked up beside the list, as it was then; a colleague is let in."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from support.small_shop import stock_up
from tests.browser.conftest import Visit
from tests.browser.test_jobs import barriers, reprice

DESK = {"width": 1100, "height": 800}


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """An organisation with a shop of one product."""
    platforms = Platforms(load=False, number=False)
    async with open_merchant(system, f"d{secrets.token_hex(4)}", platforms) as made:
        await stock_up(made, 1, 10)
        yield made


async def test_an_event_opens_beside_the_list_and_tells_how_it_was_then(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    await reprice(merchant, "431")
    page = (await visit(viewport=DESK)).page
    await page.goto(f"{system.url}/events?type=product&outcome=changed")
    link = page.locator(".events .title a").filter(has_text="changed price").first
    await link.click()
    drawer = page.locator("#drawer")
    await expect(drawer.locator("h1")).to_be_focused()
    await expect(drawer.locator("h1")).to_have_text("WooCommerce changed price")
    assert re.search(r"[?&]open=\d+-\d+", page.url)
    assert await barriers(page) == []
    await drawer.get_by_role("link", name="As it stood then").click()
    row = drawer.locator("tr").filter(has=page.get_by_role("rowheader", name="price", exact=True))
    await expect(row.locator("td").first).to_have_text("Rs 431.00", timeout=15_000)
    await page.go_back()
    await expect(drawer.locator("h1")).to_have_text("WooCommerce changed price")
    await page.reload()
    await expect(drawer).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await expect(page).not_to_have_url(re.compile("open="))
    assert "outcome=changed" in page.url
    await link.click()
    await expect(drawer.locator("h1")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(link).to_be_focused()


async def test_a_colleague_is_let_in_and_sees_what_is_theirs(
    system: System, merchant: Merchant, visit: Visit, browser: Browser
) -> None:
    page = (await visit(viewport=DESK)).page
    await page.goto(f"{system.url}/people")
    await page.get_by_label("E-mail").fill(email := f"kamala@{merchant.organization_id}.lk")
    await page.get_by_role("button", name="Invite", exact=True).click()
    invitation = await page.locator("pre.command code").first.inner_text()
    context = await browser.new_context(viewport=DESK)
    theirs = await context.new_page()
    await theirs.goto(invitation)
    await choose(theirs, "rain on the tea hills")
    await expect(theirs).to_have_url(f"{system.url}/sync")
    await theirs.goto(f"{system.url}/people")
    await expect(theirs.locator("main")).to_contain_text("Only owners of the shop see this page")
    await theirs.get_by_role("button", name="Log out").click()
    await theirs.goto(f"{system.url}/events?type=order")
    await theirs.get_by_label("E-mail").fill(email)
    await theirs.get_by_label("Password").fill("rain on the tea hills")
    await theirs.get_by_role("button", name="Log in").click()
    await expect(theirs).to_have_url(f"{system.url}/events?type=order")
    await context.close()


async def choose(page: Page, password: str) -> None:
    for field in await page.locator("input[type=password]").all():
        await field.fill(password)
    await page.locator("main button").first.click()
