"""The system's Chromium, and a React page of a shop's own in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright

REACT = Path(__file__).resolve().parent.parent / "fixtures" / "react"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync "
    # A page that a test answers itself has no address, so Chromium would not let it connect here.
    "--disable-features=LocalNetworkAccessChecks"
).split()
KINDS = {".html": "text/html", ".js": "text/javascript"}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own; skips where there is none."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs Chromium (Debian and Ubuntu: apt-get install chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=found, args=QUIET)
        yield opened
        await opened.close()


async def serve_react(page: Page, base: str) -> str:
    """The page's address: below `base`, so that the session counts, but not of the product."""

    async def answer(route: Route) -> None:
        path = REACT / route.request.url.partition("/react/")[2].partition("?")[0]
        await route.fulfill(body=path.read_text(), content_type=KINDS[path.suffix])

    await page.route(f"{base}/react/*", answer)
    return f"{base}/react/page.html"
