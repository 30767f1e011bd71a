"""A day's work on every page: somebody asks on WhatsApp, buys in the shop, gets a parcel; what
happened is looked up, counted, and a colleague is let in."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from support.small_shop import sku, stock_up
from support.waiting import until
from tests.browser.conftest import Visit
from tests.browser.test_jobs import barriers, reprice
from tests.support.courier_bench import PICKUP, SECRETS, SETTINGS

DESK = {"width": 1100, "height": 800}
CUSTOMER = "+94771234567"
NIMAL = {
    "phone": CUSTOMER, "address_1": "18 Temple Street", "city": "Kandy", "postcode": "20000",
    "country": "LK", "first_name": "Nimal",
}  # fmt: skip


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """An organisation with a shop of one product, a WhatsApp number and a courier."""
    platforms = Platforms(load=False)
    async with open_merchant(system, f"d{secrets.token_hex(4)}", platforms) as made:
        await stock_up(made, 1, 10)
        account = f"aramex-{made.organization_id}"
        await made.sandbox.create_courier("aramex", account)
        settings = {
            "base_url": f"{system.sandbox_url}/couriers/{account}",
            "allow_private_addresses": "true",
            **SETTINGS["aramex"],
            **PICKUP,
        }
        given = {"code": "aramex", "settings": settings, "secrets": SECRETS["aramex"]}
        await made.ask("POST", "/api/couriers", given)
        yield made


async def test_a_customer_is_answered_and_gets_a_parcel(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    page = (await visit(viewport=DESK)).page
    await page.goto(f"{system.url}/conversations")
    await merchant.sandbox.customer_writes(merchant.number, CUSTOMER, "Do you wrap gifts?")
    await page.locator("#talk-list a").first.click(timeout=15_000)  # it comes by itself
    heard = page.locator(".messages li").filter(has_text="Do you wrap gifts?")
    await expect(heard).to_be_visible()
    await page.get_by_role("button", name="I answer here myself").click()
    await page.get_by_label("Your answer").fill("Yes, for nothing.")
    await page.get_by_role("button", name="Send").click()
    said = page.locator(".messages li").filter(has_text="Yes, for nothing.")
    await expect(said.locator(".delivery")).to_have_text("Read", timeout=15_000)
    assert await barriers(page) == []

    number = str((await sold(merchant))["id"])
    await page.goto(f"{system.url}/shipments")
    await page.get_by_label("Orders").fill(number)
    await page.get_by_role("button", name="Make labels").click()
    parcel = page.locator(".parcels li").filter(has_text=number).first
    await expect(parcel).to_contain_text("Label made", timeout=30_000)  # the page looks again
    await parcel.get_by_role("link").first.click()
    async with page.expect_download() as label:
        await page.get_by_role("link", name=re.compile("label", re.IGNORECASE)).first.click()
    assert (await label.value).suggested_filename
    await page.goto(f"{system.url}/analytics")
    await expect(page.locator(".tile").filter(has_text="Orders").first).to_contain_text("1")
    assert await barriers(page) == []


async def sold(merchant: Merchant) -> dict[str, Any]:
    """Nimal's order, once everybody knows it."""
    shop = merchant.shop.name
    await merchant.sandbox.create_customer(
        shop, email="nimal@example.com", first_name="Nimal", billing=NIMAL
    )
    order: dict[str, Any] = await merchant.sandbox.sell(
        shop, sku(0), 2, customer="nimal@example.com"
    )

    async def known() -> Any:
        found = await merchant.ask("GET", f"/api/entities?type=order&q={order['id']}")
        return found["entities"]

    await until(known, bool)
    return order


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
    await expect(row.locator("td").first).to_have_text("431.00", timeout=15_000)
    await page.go_back()
    await expect(drawer.locator("h1")).to_have_text("WooCommerce changed price")
    await page.reload()
    await expect(drawer).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    assert "open=" not in page.url
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
