"""The settings page, its buttons, who may use them, and the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.real_store.calls import Calls
from tests.real_store.receiver import SECRET, Receiver
from tests.real_store.shop import RealShop

PAGE = "/wp-admin/admin.php?page=smartstore-woocommerce"
ADMIN = "/wp-json/smartstore/v1/admin"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs Chromium (Debian and Ubuntu: apt-get install chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


async def opened(browser: Browser, shop: RealShop, width: int) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(60_000)
    await page.goto(f"{shop.url}/wp-login.php")
    await page.fill("#user_login", "admin")
    await page.fill("#user_pass", "admin-password")
    await page.click("#wp-submit")
    await page.goto(shop.url + PAGE)
    return page


def pictures(shop: RealShop) -> Path:
    folder = Path(os.environ.get("REAL_STORE_PICTURES") or shop.logs)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("width", [1280, 360])
async def test_settings_are_saved_and_secrets_never_shown(
    shop: RealShop, receiver: Receiver, browser: Browser, width: int
) -> None:
    shop.php("delete_option('smartstore_settings');")
    page = await opened(browser, shop, width)
    await expect(page.locator(".smartstore-state")).to_contain_text("Not connected yet")
    await page.screenshot(path=pictures(shop) / f"settings-{width}-new.png", full_page=True)
    await page.fill("#smartstore_api_url", receiver.url + "/")
    await page.fill("#smartstore_organization_id", "org-1")
    await page.fill("#smartstore_webhook_secret", SECRET)
    await page.fill("#smartstore_api_key", "key-1")
    await page.click("#submit")
    await expect(page.locator("#smartstore_api_url")).to_have_value(receiver.url)
    html = await page.content()
    assert SECRET not in html
    assert "key-1" not in html
    await page.fill("#smartstore_organization_id", "org-2")
    await page.click("#submit")
    await expect(page.locator("#smartstore_organization_id")).to_have_value("org-2")
    held = shop.php("return SmartStore\\WooCommerce\\Settings::all();")
    assert (held["webhook_secret"], held["api_key"]) == (SECRET, "key-1")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) <= 0
    await page.screenshot(path=pictures(shop) / f"settings-{width}.png", full_page=True)


async def test_buttons(calls: Calls, shop: RealShop, receiver: Receiver, browser: Browser) -> None:
    await calls.new_product()
    shop.run_due()
    page = await opened(browser, shop, 1280)
    await page.click('[data-smartstore="test"]')
    await expect(page.locator('[data-for="test"]')).to_contain_text("All is well.")
    assert ("/api/sync/status?organizationId=org-1", "Bearer key-1", {}) in receiver.asked
    await page.click('[data-smartstore="products"]')
    await expect(page.locator('[data-for="products"]')).to_contain_text("put in the queue")
    shop.run_due()
    await expect(page.locator('[data-for="products"]')).to_contain_text("All sent.")
    receiver.cut()
    await page.click('[data-smartstore="test"]')
    await expect(page.locator('[data-for="test"] .is-bad')).to_contain_text("Check API URL")
    await page.fill("#smartstore_code", "nonsense")
    await page.click('[data-smartstore="pair"]')
    await expect(page.locator('[data-for="pair"] .is-bad')).to_contain_text("ssp_")
    await page.screenshot(path=pictures(shop) / "buttons.png", full_page=True)


@asynccontextmanager
async def signed_in(shop: RealShop, name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=shop.url, timeout=120) as client:
        await client.get("/wp-login.php")
        given = {"log": name, "pwd": f"{name}-password", "testcookie": "1"}
        answer = await client.post("/wp-login.php", data=given)
        assert answer.status_code == 302
        yield client


def nonce(html: str) -> str:
    found = re.search(r'createNonceMiddleware\( "(\w+)" \)', html)
    assert found is not None
    return found[1]


async def test_who_may_press_them(shop: RealShop, receiver: Receiver) -> None:
    async with signed_in(shop, "admin") as admin:
        good = nonce((await admin.get(PAGE)).text)
        for headers, status in (
            ({}, 401),
            ({"X-WP-Nonce": "f0f0f0f0f0"}, 403),
            ({"X-WP-Nonce": good}, 200),
        ):
            answer = await admin.get(f"{ADMIN}/status", headers=headers)
            assert answer.status_code == status
            assert SECRET not in answer.text
        for name in ("test", "resync", "pair"):
            forged = await admin.post(f"{ADMIN}/{name}", headers={"X-WP-Nonce": "f0f0f0f0f0"})
            assert forged.status_code == 403
        settings = {"option_page": "smartstore", "action": "update", "_wpnonce": "f0f0f0f0f0"}
        forged = await admin.post("/wp-admin/options.php", data=settings)
        assert forged.status_code == 403
    async with signed_in(shop, "reader") as reader:
        assert (await reader.get(PAGE)).status_code == 403
        home = (await reader.get("/wp-admin/profile.php")).text
        found = re.search(r'createNonceMiddleware\( "(\w+)" \)|"nonce":"(\w+)"', home)
        headers = {"X-WP-Nonce": (found[1] or found[2]) if found else ""}
        for name in ("test", "resync", "pair"):
            answer = await reader.post(f"{ADMIN}/{name}", headers=headers)
            assert answer.status_code in (401, 403)
    async with httpx.AsyncClient(base_url=shop.url, timeout=120) as nobody:
        for method, path in (
            ("GET", "/wp-json/smartstore/v1/sync"),
            ("POST", "/wp-json/smartstore/v1/sync"),
            ("POST", "/wp-json/smartstore/v1/digest"),
            ("GET", "/wp-json/smartstore/v1/items?resource=product"),
            ("GET", f"{ADMIN}/status"),
            ("POST", f"{ADMIN}/pair"),
        ):
            answer = await nobody.request(method, path, json={})
            assert answer.status_code == 401
    assert receiver.deliveries == []


def command(shop: RealShop, *words: str) -> tuple[int, Any]:
    assert shop.sources.wp_cli is not None
    done = subprocess.run(
        ["php", str(shop.sources.wp_cli), "--allow-root", f"--path={shop.wordpress}",
         "--user=admin", "smartstore", *words, "--format=json"],
        capture_output=True, text=True,
    )  # fmt: skip
    found = done.stdout.strip().splitlines()
    return done.returncode, json.loads(found[-1]) if found else done.stderr


async def test_the_command_line(calls: Calls, shop: RealShop, receiver: Receiver) -> None:
    if shop.sources.wp_cli is None:
        pytest.skip("WP-CLI comes with the npm package; WP_STORE_CORE has none")
    product = await calls.new_product()
    code, status = command(shop, "status")
    assert (code, status["pending"], status["connected"]) == (0, 1, True)
    code, rows = command(shop, "outbox")
    assert [(row["topic"], int(row["item_id"])) for row in rows] == [
        ("product.created", product["id"])
    ]
    code, sent = command(shop, "outbox", "send")
    assert (code, sent["sent"], sent["pending"]) == (0, 1, 0)
    code, steps = command(shop, "test")
    assert (code, {step["ok"] for step in steps}) == (0, {True})
    code, all_of_them = command(shop, "resync", "products")
    assert all_of_them["queued"] == all_of_them["sent"] > 0
    assert command(shop, "pair", "nonsense")[0] == 1
    receiver.cut()
    assert command(shop, "test")[0] == 1
