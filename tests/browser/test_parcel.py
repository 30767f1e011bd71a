"""A parcel in the browser: from the order's number to the label that is printed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from support.small_shop import nimal_buys, stock_up
from support.waiting import until
from tests.browser.conftest import Visit
from tests.browser.test_jobs import barriers
from tests.support.courier_bench import connected

DESK = {"width": 1100, "height": 800}


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """An organisation with a shop of one product and a courier."""
    platforms = Platforms(load=False, number=False)
    async with open_merchant(system, f"l{secrets.token_hex(4)}", platforms) as made:
        await stock_up(made, 1, 10)
        await connected(made, system)
        yield made


async def sold(merchant: Merchant) -> str:
    """Nimal's order, once everybody knows it."""
    order = await nimal_buys(merchant)

    async def known() -> Any:
        found = await merchant.ask("GET", f"/api/entities?type=order&q={order['id']}")
        return found["entities"]

    await until(known, bool)
    return str(order["id"])


async def test_an_order_gets_its_label_and_is_counted(
    system: System, merchant: Merchant, visit: Visit
) -> None:
    page = (await visit(viewport=DESK)).page
    number = await sold(merchant)
    await page.goto(f"{system.url}/shipments")
    await page.get_by_label("Orders").fill(number)
    await page.get_by_role("button", name="Make labels").click()
    parcel = page.locator(".parcels li").filter(has_text=number).first
    await expect(parcel).to_contain_text("Label made", timeout=30_000)  # the page looks again
    await parcel.get_by_role("link", name=f"Order {number}").click()
    label = page.get_by_role("link", name="Label", exact=True)
    await expect(label).to_be_visible()
    assert await barriers(page) == []
    # Asked for as the link would: Chromium shows a PDF in a viewer that no test can read.
    answer = await page.request.get(f"{system.url}{await label.get_attribute('href')}")
    assert answer.headers["content-type"] == "application/pdf"
    assert (await answer.body()).startswith(b"%PDF")

    await page.goto(f"{system.url}/analytics")
    await expect(page.locator(".tile").filter(has_text="Orders").first).to_contain_text("1")
    assert await barriers(page) == []
    csv = await page.get_by_role("link", name="CSV").first.get_attribute("href")
    assert (
        (await page.request.get(f"{system.url}{csv}")).headers["content-type"].startswith("text/")
    )
    await page.goto(f"{system.url}/alerts")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await barriers(page) == []
