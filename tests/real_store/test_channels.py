"""Our webhooks in a real shop, and what a look at a real shop finds."""

from __future__ import annotations

from connectors.woocommerce.client import WooCommerceClient
from connectors.woocommerce.rest import API
from connectors.woocommerce.webhooks import TOPICS
from tests.real_store.calls import Calls
from tests.real_store.shop import RealShop

URL = "https://sync.example.com/api/webhooks/woocommerce/org"
SECRET = "s3cr3tDumbaraLooms2026"


async def held(calls: Calls) -> dict[str, tuple[str, str]]:
    """Topic to (status, address)."""
    rows, _ = await calls.rest.listed("/webhooks", {"per_page": "100"})
    return {row["topic"]: (row["status"], row["delivery_url"]) for row in rows}


async def test_webhooks_are_made_mended_and_taken_away(shop: RealShop, calls: Calls) -> None:
    client = WooCommerceClient(shop.access())
    made = await client.subscribe(URL, SECRET, {})
    assert (made.mended, made.refused) == ((), "")
    assert await held(calls) == dict.fromkeys(TOPICS, ("active", URL))
    again = await client.subscribe(URL, SECRET, made.hooks)
    assert (again.hooks, again.mended) == (made.hooks, ())
    number = made.hooks["order.updated"].partition(":")[0]
    path = f"{API}/webhooks/{number}"
    await calls.rest.send("PUT", path, body={"status": "disabled"})
    gone = made.hooks["order.created"].partition(":")[0]
    await calls.rest.send("DELETE", f"{API}/webhooks/{gone}", params={"force": "true"})
    mended = await client.subscribe(URL, SECRET, made.hooks)
    assert set(mended.mended) == {"order.updated was disabled", "order.created was gone"}
    assert await held(calls) == dict.fromkeys(TOPICS, ("active", URL))
    quiet = await client.subscribe(URL, SECRET, mended.hooks, quiet=True)
    assert {status for status, _ in (await held(calls)).values()} == {"paused"}
    assert await client.unsubscribe(URL, quiet.hooks) == len(TOPICS)
    assert await held(calls) == {}
    await client.close()


async def test_a_good_shop_passes_every_step_and_a_reading_key_does_not_write(
    shop: RealShop,
) -> None:
    client = WooCommerceClient(shop.access())
    found = await client.examine()
    assert [one.name for one in found if not one.ok] == []
    assert found[-1].found.startswith("Version")
    await client.close()
    reader = WooCommerceClient(shop.access("read"))
    told = {one.name: one for one in await reader.examine()}
    assert told["Products can be read"].ok
    assert not told["The key may write"].ok
    assert "Read/Write" in told["The key may write"].fix
    await reader.close()
