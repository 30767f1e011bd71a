"""A real browser on the sync page."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from api.login import issue_login_link

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
