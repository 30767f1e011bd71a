"""Pictures of every page, of a demo shop with something to see: desktop, phone, dark, Sinhala."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.login import issue_login_link
from api.pages.i18n import COOKIE
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.run import RULES
from runtime.demo.scenes import EVENTS, BadSetting, Build, Given, Scene
from runtime.demo.story import wait_until_loaded
from runtime.demo.system import System
from runtime.errors import StartFailed
from sandbox.data import ORGANIZATION
from streams.database import open_database

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SERIOUS = ("serious", "critical")
"""Impacts of Axe's findings that count."""
MOST_HEIGHT = 1_300
"""Of a picture, in pixels: what a reader scrolls to once."""
_SEED = 2026
_WAIT_S = 40.0
_LINK_S = 3_600


@dataclass(frozen=True)
class Look:
    """One way to look at a page."""

    name: str
    width: int
    height: int
    dark: bool = False
    language: str = "en"


LOOKS = (
    Look("desktop", 1100, 800),
    Look("wide", 1440, 900),
    Look("phone", 360, 740),
    Look("dark", 1100, 800, dark=True),
    Look("sinhala", 360, 740, language="si"),
    Look("tamil", 1100, 800, language="ta"),
)


@dataclass(frozen=True)
class Taken:
    """One picture, and what is wrong with the page in it."""

    path: Path
    wider_by: int
    complaints: tuple[str, ...]


async def take_pictures(
    folder: Path, home: Path, only: str, told: Callable[[Taken], None]
) -> list[Taken]:
    """Start a demo, fill it, look at each page in each way. `only`: pages whose name has this."""
    from playwright.async_api import async_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise StartFailed("no Chromium is there", fix="apt-get install chromium")
    system = System(home)
    await asyncio.to_thread(system.start)
    try:
        async with open_merchant(system, ORGANIZATION, Platforms(rules=RULES)) as merchant:
            await wait_until_loaded(merchant)
            await _live_a_little(merchant)
            pages = [one for one in await _pages(merchant) if only in one[0]]
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
                taken = [
                    one
                    for look in LOOKS
                    for one in await _look(browser, system, look, pages, folder, told)
                ]
                await browser.close()
            return taken
    finally:
        await asyncio.to_thread(system.stop)


async def _live_a_little(merchant: Merchant) -> None:
    """Every kind of change once, and a conflict that stays for the reader to decide."""
    dice = random.Random(_SEED)  # noqa: S311 - the same pictures each time
    for name, build in EVENTS.items():
        scene = await _ready(build, merchant, Given(dice=dice))
        await scene.play()
        if name == "conflict.price":
            await _until_contested(merchant, dice)
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        found = await merchant.ask("GET", "/api/entities?type=order&limit=5")
        if len(found["entities"]) > 1:
            return
        await asyncio.sleep(0.5)


async def _ready(build: Build, merchant: Merchant, given: Given) -> Scene:
    """Some changes need the one before to have arrived everywhere."""
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            return await build(merchant, given)
        except BadSetting:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


async def _until_contested(merchant: Merchant, dice: random.Random) -> None:
    """The second of the two may have seen the first: then nothing is contested, so again."""
    for _ in range(5):
        until = time.monotonic() + 4
        while time.monotonic() < until:
            if await merchant.open_conflicts():
                return
            await asyncio.sleep(0.3)
        scene = await EVENTS["conflict.price"](merchant, Given(dice=dice))
        await scene.play()


async def _pages(merchant: Merchant) -> list[tuple[str, str]]:
    """(name, path) of everything there is to look at."""
    entries = (await merchant.ask("GET", "/api/integrations"))["integrations"]
    shop = next(one["id"] for one in entries if one["platform"] == "woocommerce")
    orders = (await merchant.ask("GET", "/api/entities?type=order&limit=1"))["entities"]
    events = (await merchant.ask("GET", "/api/events?kind=changed&limit=1"))["events"]
    talks = (await merchant.ask("GET", "/api/conversations?limit=1"))["conversations"]
    number = next((one["id"] for one in entries if one["platform"] == "whatsapp"), "")
    pages = [
        ("sync", "/sync"),
        ("evidence", "/sync/evidence"),
        ("recover", "/sync/recover"),
        ("integrations", "/integrations"),
        ("add", "/integrations/add"),
        ("add-whatsapp", "/integrations/add/whatsapp"),
        ("connection", f"/integrations/{shop}"),
        ("timeline", f"/integrations/{shop}/timeline"),
        ("settings", f"/integrations/{shop}/settings"),
        ("events", "/events"),
        ("conversations", "/conversations"),
        ("shipments", "/shipments"),
        ("cash", "/shipments/cod"),
        ("courierfile", "/shipments/profile"),
        ("analytics", "/analytics"),
        ("alerts", "/alerts"),
        ("people", "/people"),
    ]
    if number:
        pages.append(("messages", f"/integrations/{number}/messages"))
    if talks:
        pages.append(("conversation", f"/conversations/{talks[0]['id']}"))
    if events:
        place = f"{_ms(events[0]['timestamp'])}-{events[0]['cursor'].split('-')[1]}"
        pages.append(("event", f"/events/{place}"))
        pages.append(("then", f"/events/{place}/then"))
        pages.append(("drawer", f"/events?open={place}"))
    if orders:
        pages.append(("order", f"/orders/{orders[0]['entityId']}"))
    return pages


def _ms(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


async def _look(
    browser: Browser,
    system: System,
    look: Look,
    pages: Sequence[tuple[str, str]],
    folder: Path,
    told: Callable[[Taken], None],
) -> list[Taken]:
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.dark else "light",
    )
    await context.add_cookies([{"name": COOKIE, "value": look.language, "url": system.url}])
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(await _login_link(system))
    found = []
    for name, path in pages:
        complaints.clear()
        answer = await page.goto(f"{system.url}{path}")
        if answer is None or answer.status == 404:
            continue
        found.append(await _picture(page, look, folder / f"{name}-{look.name}.png", complaints))
        told(found[-1])
    await context.close()
    return found


async def _picture(page: Page, look: Look, path: Path, complaints: Sequence[str]) -> Taken:
    live: Any = page.locator("#connection[data-tone=good]")
    if await page.locator("#connection").count():
        await live.wait_for(timeout=15_000)
    if "open=" in page.url:
        await page.locator("#drawer[open] h1").wait_for(timeout=15_000)
    await page.evaluate("document.fonts.ready")
    width = int(await page.evaluate("document.documentElement.scrollWidth"))
    height = int(await page.evaluate("document.documentElement.scrollHeight"))
    most = look.height if "open=" in page.url else MOST_HEIGHT  # a drawer is as high as its window
    shown = {"x": 0, "y": 0, "width": look.width, "height": min(height, most)}
    await page.screenshot(path=path, full_page=True, clip=shown)  # type: ignore[arg-type]
    found = [*complaints, *await _barriers(page)]
    return Taken(path, max(0, width - look.width), tuple(found))


async def _barriers(page: Page) -> list[str]:
    """What Axe finds serious: `color-contrast: .quiet`."""
    from axe_playwright_python.async_playwright import Axe

    found = await Axe().run(page)
    return [
        f"{one['id']}: {one['nodes'][0]['target'][0]}"
        for one in found.response["violations"]
        if one["impact"] in SERIOUS
    ]


async def _login_link(system: System) -> str:
    database = open_database(system.endpoints())
    try:
        return await issue_login_link(database, system.url, ORGANIZATION, _LINK_S)
    finally:
        await database.client.close()
