from __future__ import annotations

from typing import Any

import pytest

from api.login import issue_login_link
from api.main import now_ms
from tests.api.pages.test_talks import heard  # noqa: F401

pytestmark = pytest.mark.servers

async def test_shots(live: Any, browser: Any, heard: Any) -> None:
    api = live.api
    base = f"http://127.0.0.1:{live.port}"
    t = now_ms()
    await heard("m1", "Hello, where is my order?", at_ms=t - 900000)
    await heard("o1", "Order 1041: Shipped\nTotal: LKR 1,899.50", direction="out", status="read", at_ms=t - 890000)
    await heard("m2", "මේ සාරිය තවම තියෙනවද? 🙏", at_ms=t - 300000, context={"product": "HL-SAREE-001"})
    await heard("o2", "Batik saree, in stock", direction="out", type="product", status="delivered", at_ms=t - 290000)
    await heard("m3", "", at_ms=t - 200000, revokedAt="2026-11-01T00:00:00.000Z")
    await heard("m4", "Slip", type="image", at_ms=t - 100000, media={"id": "1"})
    await heard("o3", "It could not be delivered", direction="out", status="failed", at_ms=t - 50000)
    from streams.whatsapp.conversations import Conversations
    c = Conversations(api.services.database)
    await c.seen_inbound("kandy", "+94770000001", "x1", t - 5000, text="talk to a person please", name="Ravi Kumar with a very long name indeed", phone="+94770000001")
    await c.hand_over("kandy", "+94770000001", "customer", t)
    await c.seen_inbound("kandy", "+94770000002", "x2", t - 90000000, text="thanks", phone="+94770000002")
    for width in (1100, 360):
        context = await browser.new_context(viewport={"width": width, "height": 900})
        page = await context.new_page()
        complaints = []
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        await page.goto(await issue_login_link(api.services.database, base, "kandy"))
        await page.goto(base + "/conversations")
        await page.screenshot(path=f"/tmp/wt/list-{width}.png")
        await page.goto(base + "/conversations/%2B94771234567")
        await page.wait_for_timeout(800)
        await page.screenshot(path=f"/tmp/wt/thread-{width}.png", full_page=True)
        await page.goto(base + "/conversations/%2B94770000002")
        await page.screenshot(path=f"/tmp/wt/shut-{width}.png", full_page=True)
        if width == 360:
            await page.goto(base + "/conversations/%2B94771234567")
            from axe_playwright_python.async_playwright import Axe
            found = await Axe().run(page)
            print([ (v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found.response["violations"]])
            over = await page.evaluate("document.documentElement.scrollWidth")
            print("scroll", over)
        print(complaints)
        await context.close()
