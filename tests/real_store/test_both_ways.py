"""A real shop and the whole product: what happens on one side shows up on the other, once.

The plugin is paired with a code first; then it is taken away, and the shop's own webhooks serve.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from bson.decimal128 import Decimal128

from connectors.woocommerce.rest import API
from runtime.demo.system import System
from runtime.servers.ports import free_port
from runtime.settings import ENDPOINTS, load_environment
from support.waiting import until
from tests.real_store.both import LIMIT_S, Both, beside
from tests.real_store.calls import Record
from tests.real_store.people import fill
from tests.real_store.shop import RealShop

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]
FILE = "wordpress-plugin/smartstore-woocommerce.php"
ADMIN = "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
TEA, RED = "TEA-BOPF-400", "HL-SAREE-001-RED"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, shop: RealShop) -> Iterator[System]:
    base = {name: value for name, value in load_environment().items() if name not in ENDPOINTS}
    taken: set[int] = set()
    for name in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT"):
        taken.add(port := free_port(taken))
        base[name] = str(port)
    base["SMARTSTORE_PUBLIC_URL"] = f"http://127.0.0.1:{base['PORT']}"
    with System(tmp_path_factory.mktemp("both"), base=base) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(system: System, shop: RealShop) -> AsyncIterator[Both]:
    """Paired by a code, previewed, confirmed, imported."""
    fill(shop, plugin=True)
    async with beside(system, shop) as made:
        code = (await made.ask("POST", "/api/integrations/pairing-code"))["code"]
        told = await asyncio.to_thread(
            shop.php, f"return SmartStore\\WooCommerce\\Pairing::pair('{code}');"
        )
        assert told["ok"], told["words"]
        yield made
    forget = "global $wpdb; $wpdb->query('DELETE FROM wp_smartstore_outbox');"
    shop.php(f"{forget} delete_option('smartstore_settings'); delete_option('smartstore_sender');")
    fill(shop, plugin=True)


async def test_everything_is_imported_after_the_preview(both: Both) -> None:
    assert (await both.connection())["confirmed"] is False
    shown = await both.imported()
    assert shown["counts"]["product"]["onlyThere"] == 2
    tea = await both.has("products", {"sku": TEA}, price="1899.5")
    assert tea["name"] == "Ceylon BOPF tea 400 g"
    await both.has("inventory", {"sku": TEA}, quantity=36)
    saree = await both.has("products", {"variants.sku": RED})
    assert {one["sku"] for one in saree["variants"]} == {RED, "X-432", "X-433"}
    order = await both.has("orders", {"number": "1041"}, status="processing")
    assert order["items"][0]["sku"] == RED
    await both.has("customers", {"email": "kasun@example.com"})


async def test_edits_on_both_sides(both: Both) -> None:
    product = await both.sold_as(TEA)
    await both.change("products", {"sku": TEA}, price=Decimal128("1950"))
    await both.shows(f"/products/{product['id']}", regular_price="1950")
    await both.calls.edit(product, name="Dimbula BOPF tea", regular_price="2000")
    await both.has("products", {"sku": TEA}, name="Dimbula BOPF tea", price="2000")
    # Different fields at once: both stand.
    await asyncio.gather(
        both.calls.edit(product, short_description="High-grown"),
        both.change("products", {"sku": TEA}, weight="0.45"),
    )
    await both.has("products", {"sku": TEA}, shortDescription="High-grown", weight="0.45")
    await both.shows(f"/products/{product['id']}", weight="0.45", short_description="High-grown")


async def test_what_is_made_on_one_side_is_made_on_the_other_and_goes_with_it(both: Both) -> None:
    await both.add_product("POT-9", 12, categories=["Clay"], attributes={"Colour": ["Red"]})
    pot = await both.sold_as("POT-9")
    await both.both_hold("POT-9", 12)
    assert [term["name"] for term in pot["categories"]] == ["Clay"]
    assert pot["attributes"][0]["options"] == ["Red"]
    made = await both.calls.new_product(
        sku="LAMP-1", name="Oil lamp", regular_price="450", manage_stock=True, stock_quantity=3
    )
    await both.has("products", {"sku": "LAMP-1"}, name="Oil lamp", price="450")
    await both.has("inventory", {"sku": "LAMP-1"}, quantity=3)
    await both.calls.rest.send("DELETE", f"{API}/products/{made['id']}")
    await both.lacks("products", sku="LAMP-1")


async def test_variations(both: Both) -> None:
    mine = {"variants.sku": RED}
    edited = {"variants.$.price": Decimal128("14100"), "variants.$.weight": "0.65"}
    await both.change("products", mine, **edited)
    path = "/products/430/variations/431"
    await both.shows(path, regular_price="14100", weight="0.65")
    await both.calls.rest.send("PUT", API + path, body={"dimensions": {"length": "28"}})

    async def measured() -> Any:
        held = await both.document("products", **mine)
        red = next(one for one in held["variants"] if one["sku"] == RED)
        return red.get("weight"), red.get("dimensions")

    await until(measured, lambda found: found == ("0.65", {"length": "28"}), limit_s=LIMIT_S)
    body = {
        "sku": "HL-SAREE-001-BLUE", "regular_price": "13900", "manage_stock": True,
        "stock_quantity": 6, "attributes": [{"name": "Colour", "option": "Indigo"}],
    }  # fmt: skip
    await both.calls.rest.send("POST", f"{API}/products/430/variations", body=body)
    saree = await both.has("products", {"variants.sku": body["sku"]})
    blue = next(one for one in saree["variants"] if one["sku"] == body["sku"])
    assert blue["price"] == Decimal128("13900")
    await both.has("inventory", {"sku": body["sku"]}, quantity=6)


async def test_an_order_takes_stock_once_is_completed_and_refunded(both: Both) -> None:
    product = await both.sold_as(TEA)
    order = await both.calls.sell(product, 2)
    await both.has("orders", {"number": str(order["id"])}, status="processing")
    await both.both_hold(TEA, 34)
    await both.change("orders", {"number": str(order["id"])}, status="completed")
    await both.shows(f"/orders/{order['id']}", status="completed")
    body = {"amount": "450.00", "reason": "Broken", "api_refund": False}
    await both.calls.rest.send("POST", f"{API}/orders/{order['id']}/refunds", body=body)

    async def refunds() -> list[Record]:
        held = await both.document("orders", number=str(order["id"]))
        return list(held.get("refunds") or ())

    (told,) = await until(refunds, bool, limit_s=LIMIT_S, every_s=0.3)
    assert (told["reason"], str(told["total"])) == ("Broken", "450")
    more = [told, {"id": "RF-1", "reason": "Late", "total": "50"}]
    mine = {"number": str(order["id"])}
    await both.change("orders", mine, refunds=more, notes=[{"text": "Call before delivery"}])

    async def shown() -> list[tuple[str, str]]:
        held = await both.calls.order(order["id"])
        return sorted((one["reason"], one["total"]) for one in held["refunds"])

    wanted = [("Broken", "-450.00"), ("Late", "-50.00")]
    await until(shown, lambda found: found == wanted, limit_s=LIMIT_S, every_s=0.5)

    async def notes() -> list[str]:
        found = await both.calls.rest.get(f"/orders/{order['id']}/notes")
        return [one["note"] for one in found]

    told_notes = await until(
        notes, lambda found: "Call before delivery" in found, limit_s=LIMIT_S, every_s=0.5
    )
    assert told_notes.count("Call before delivery") == 1
    typed = f"return wc_get_order({order['id']})->add_order_note('Leave it at the gate', 0, true);"
    await asyncio.to_thread(both.shop.php, typed)

    async def staff_notes() -> list[str]:
        held = await both.document("orders", **mine)
        return [one["text"] for one in held.get("staffNotes") or ()]

    await until(staff_notes, lambda found: found == ["Leave it at the gate"], limit_s=LIMIT_S)
    assert await both.quantities(TEA) == (34, 34)


async def test_an_order_of_the_app_is_in_the_shop_and_gives_its_stock_back_once(both: Both) -> None:
    tea = await both.document("products", sku=TEA)
    number = "app-order-1"
    await both.collection("orders").insert_one(
        {
            "_id": number, "organizationId": both.organization_id, "number": "A-1",
            "status": "processing", "currency": "LKR", "total": Decimal128("4000"),
            "billing": {"name": "Kamala Fernando", "email": "kamala@example.com"},
            "items": [{"productId": tea["_id"], "sku": TEA, "name": "Tea", "quantity": 2,
                       "unitPrice": "2000", "total": "4000"}],
        }
    )  # fmt: skip

    async def copies() -> list[Record]:
        listed = await both.calls.rest.get("/orders", {"per_page": "100"})
        return [one for one in listed if one["billing"]["first_name"] == "Kamala"]

    (copied,) = await until(copies, bool, limit_s=LIMIT_S, every_s=0.5)
    assert copied["total"] == "4000.00"
    assert copied["line_items"][0]["quantity"] == 2
    assert await both.quantities(TEA) == (34, 34)  # the app says itself what it took
    await both.change("orders", {"_id": number}, status="cancelled")
    await both.shows(f"/orders/{copied['id']}", status="cancelled")
    assert await both.quantities(TEA) == (34, 34)


async def test_fifty_sales_on_each_side_leave_twenty_on_both(both: Both) -> None:
    await both.add_product("RACE-1", 120)
    product = await both.sold_as("RACE-1")
    await both.both_hold("RACE-1", 120)
    tills = asyncio.Semaphore(4)

    async def in_shop() -> None:
        async with tills:
            await both.calls.sell(product, 1)

    async def in_app() -> None:
        for _ in range(50):
            mine = {"organizationId": both.organization_id, "sku": "RACE-1"}
            await both.collection("inventory").update_one(mine, {"$inc": {"quantity": -1}})
            await asyncio.sleep(0)

    await asyncio.gather(in_app(), *(in_shop() for _ in range(50)))
    await both.both_hold("RACE-1", 20)
    await until(lambda: _waiting(both), lambda rows: rows == 0, limit_s=LIMIT_S, every_s=0.5)
    await both.both_hold("RACE-1", 20)


async def _waiting(both: Both) -> int:
    """Deliveries that are still in the plugin's outbox."""
    code = "global $wpdb; return $wpdb->get_var('SELECT COUNT(*) FROM wp_smartstore_outbox');"
    return int(await asyncio.to_thread(both.shop.php, code))


async def test_customers(both: Both) -> None:
    mine = {"email": "kasun@example.com"}
    number = (await both.calls.rest.get("/customers", mine))[0]["id"]
    await both.change("customers", mine, name="Kasun de Silva")
    await both.shows(f"/customers/{number}", last_name="de Silva")
    body = {"billing": {"phone": "077 123 4567"}}
    await both.calls.rest.send("PUT", f"{API}/customers/{number}", body=body)
    await both.has("customers", mine, phone="+94771234567")


async def test_without_the_plugin_the_shops_own_webhooks_take_over_and_are_healed(
    both: Both,
) -> None:
    shop = both.shop
    await both.look_at_webhooks()
    hooks = await both.calls.rest.get("/webhooks", {"per_page": "100"})
    ours = [one for one in hooks if one["name"].startswith("SmartStore")]
    assert len(ours) == 11
    assert {one["status"] for one in ours} == {"paused"}
    await asyncio.to_thread(shop.php, f"{ADMIN} deactivate_plugins('{FILE}');")
    updated = next(one for one in ours if one["topic"] == "product.updated")
    await both.calls.rest.send(
        "PUT", f"{API}/webhooks/{updated['id']}", body={"status": "disabled"}
    )
    product = await both.sold_as(TEA)
    await both.calls.edit(product, name="Told by nobody")
    state = await both.look_at_webhooks()
    assert "product.updated was disabled" in state["mended"]
    held = await both.calls.rest.get(f"/webhooks/{updated['id']}")
    assert held["status"] == "active"
    await both.has("products", {"sku": TEA}, name="Told by nobody")  # the gap was asked for
    await both.calls.edit(product, name="Told by the webhook")
    await both.has("products", {"sku": TEA}, name="Told by the webhook")
    await both.change("products", {"sku": TEA}, price=Decimal128("2050"))
    await both.shows(f"/products/{product['id']}", regular_price="2050")


async def test_removed_it_leaves_nothing_and_comes_back(both: Both) -> None:
    shop = both.shop
    await asyncio.to_thread(shop.php, f"{ADMIN} uninstall_plugin('{FILE}');")
    left = await asyncio.to_thread(
        shop.php,
        'global $wpdb; return $wpdb->get_col("SELECT option_name FROM wp_options WHERE '
        "option_name LIKE '%smartstore%'\");",
    )
    assert left == []
    await asyncio.to_thread(shop.php, f"{ADMIN} activate_plugin('{FILE}');")
    connection = await both.connection()
    answer = await both.web.delete(
        f"/api/integrations/{connection['id']}", headers={"X-API-Key": both.api_key}
    )
    assert answer.status_code == 204

    async def hooks() -> list[Record]:
        found: list[Record] = await both.calls.rest.get("/webhooks", {"per_page": "100"})
        return found

    # A slow shop is gone on with after the answer.
    await until(hooks, lambda found: not found, limit_s=LIMIT_S, every_s=0.5)
