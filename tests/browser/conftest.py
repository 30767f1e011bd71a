"""One whole system for all tests here; each has an organisation and a browser of its own."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright, expect

from api.login import issue_login_link
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.pictures import QUIET
from runtime.demo.system import System
from runtime.servers.ports import free_port
from runtime.settings import ENDPOINTS, load_environment
from schemas.policy import Rule
from streams.database import open_database
from tests.browser.door import Door, door_to

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ASK = Rule(type="product", field="price", policy="manual")
PHONE = {"width": 360, "height": 740}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Local servers always: these tests halt them."""
    if not CHROMIUM:
        pytest.skip("needs Chromium (Debian and Ubuntu: apt-get install chromium)")
    base = {name: value for name, value in load_environment().items() if name not in ENDPOINTS}
    taken: set[int] = set()
    for name in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT"):
        taken.add(port := free_port(taken))
        base[name] = str(port)
    base["SMARTSTORE_PUBLIC_URL"] = f"http://127.0.0.1:{base['PORT']}"
    with System(tmp_path_factory.mktemp("browser"), base=base) as started:
        yield started


@pytest.fixture
async def merchant(system: System) -> AsyncIterator[Merchant]:
    """An organisation with an empty shop that asks about prices."""
    platforms = Platforms(load=False, number=False, rules=(ASK,))
    async with open_merchant(system, f"b{secrets.token_hex(4)}", platforms) as made:
        yield made


@pytest.fixture
async def browser(system: System) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        await opened.close()


@dataclass
class Visitor:
    """Somebody at a browser, logged in."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def told(self, answer: Response) -> None:
        """What the console says of a failure names no address."""
        if answer.status >= 500:
            self.complaints.append(f"{answer.status} {answer.request.method} {answer.url}")

    async def row(self, text: str) -> None:
        """A recent event says so."""
        await expect(self.page.locator("#events li").filter(has_text=text).first).to_be_visible(
            timeout=15_000
        )

    async def ids(self) -> list[str]:
        """Of the recent events, as they stand on the page."""
        found: list[str] = await self.page.locator("#events li").evaluate_all(
            "rows => rows.map(row => row.dataset.id)"
        )
        return found


Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def visit(system: System, browser: Browser, merchant: Merchant) -> AsyncIterator[Visit]:
    """Opens /sync in a browser of its own; what the browser complains of fails the test."""
    visitors: list[Visitor] = []

    async def opened(base: str = "", viewport: dict[str, int] | None = None) -> Visitor:
        context = await browser.new_context(viewport=viewport or PHONE)
        page = await context.new_page()
        visitor = Visitor(page, context)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: visitor.complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("response", visitor.told)
        visitors.append(visitor)
        await page.goto(await login_link(system, merchant, base or system.url))
        await expect(page.locator("#connection[data-tone=good]")).to_be_visible(timeout=15_000)
        return visitor

    yield opened
    for visitor in visitors:
        await visitor.context.close()
    assert [said for visitor in visitors for said in visitor.complaints] == []


async def login_link(system: System, merchant: Merchant, base: str) -> str:
    database = open_database(system.endpoints())
    try:
        return await issue_login_link(database, base, merchant.organization_id)
    finally:
        await database.client.close()


@pytest.fixture
async def door(system: System) -> AsyncIterator[Door]:
    """Between a browser and the api."""
    async with door_to(urlsplit(system.url).port or 80) as made:
        yield made
