"""The plugin's own deliveries: signed, kept while the network is away, each order event once."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from typing import Any

import pytest

from connectors.woocommerce.parsing import parse_delivery
from support.waiting import until
from tests.real_store.calls import Calls, meta
from tests.real_store.receiver import Delivery, Receiver
from tests.real_store.shop import RealShop

ORDERS = 200
PLACE = f"""
$made = array();
for ($i = 0; $i < {ORDERS}; $i++) {{
    $order = wc_create_order(array('status' => 'pending'));
    $order->add_product(wc_get_product(PRODUCT), 1);
    $order->calculate_totals();
    $order->set_status('processing');
    $order->save();
    $made[] = $order->get_id();
}}
return $made;
"""
COMPLETE = (
    "foreach (IDS as $id) { $o = wc_get_order($id); $o->set_status('completed'); $o->save(); }"
)


def waiting(shop: RealShop) -> int:
    found = shop.php(
        "global $wpdb; return $wpdb->get_var('SELECT COUNT(*) FROM wp_smartstore_outbox');"
    )
    return int(found)


def later(shop: RealShop) -> None:
    """The time of the next attempt has come."""
    shop.php(
        "global $wpdb; $wpdb->query('UPDATE wp_smartstore_outbox SET next_at = 0');"
        "$state = get_option('smartstore_sender');"
        "if ($state) { $state['next_at'] = 0; update_option('smartstore_sender', $state); }"
        "SmartStore\\WooCommerce\\Sender::schedule(time());"
    )
    shop.run_due()


async def sent(shop: RealShop) -> None:
    """All that waits is sent, where it takes several jobs, too."""

    async def left() -> int:
        shop.run_due()
        return waiting(shop)

    await until(left, lambda found: found == 0, limit_s=120, every_s=1)


def topics(deliveries: list[Delivery]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one in deliveries:
        found.setdefault(int(one.data["id"]), []).append(one.topic)
    return found


async def test_a_sale_is_told_signed_and_not_inside_the_sale(
    calls: Calls, receiver: Receiver
) -> None:
    product = await calls.new_product(manage_stock=True, stock_quantity=10)
    order = await calls.sell(product, 2)
    assert receiver.deliveries == []
    calls.shop.run_due()
    assert topics(receiver.taken()) == {
        product["id"]: ["product.created"], order["id"]: ["order.created"],
    }  # fmt: skip
    first, second = receiver.taken()
    assert first.data["stock_quantity"] == 8
    assert meta(first.data, "_smartstore_revision") == meta(
        await calls.product(product), "_smartstore_revision"
    )
    assert first.data["smartstore_etag"] == (await calls.product(product))["smartstore_etag"]
    assert second.data["smartstore_etag"] == (await calls.order(order["id"]))["smartstore_etag"]
    [sighting] = parse_delivery("", {}, second.body).sightings
    assert sighting.seen is not None
    assert sighting.seen.fields["status"] == "processing"
    assert waiting(calls.shop) == 0
    outgoing = (calls.shop.logs / "outgoing.log").read_text().splitlines()
    ours = [line for line in outgoing if receiver.url in line]
    assert len(ours) == 2
    assert all(line.startswith("cron ->") for line in ours)


async def test_changes_of_a_product_are_told_once_with_the_last_state(
    calls: Calls, receiver: Receiver
) -> None:
    product = await calls.new_product(name="first")
    calls.shop.run_due()
    for number in range(1, 6):
        await calls.edit(product, name=str(number))
    calls.shop.run_due()
    assert [d.data["name"] for d in receiver.taken()] == ["first", "5"]


async def test_variations_deletions_and_returns(calls: Calls, receiver: Receiver) -> None:
    product = await calls.new_product()
    parent = await calls.new_product(
        type="variable", attributes=[{"name": "Size", "options": ["M"], "variation": True}]
    )
    child = await calls.rest.send(
        "POST", f"/wp-json/wc/v3/products/{parent['id']}/variations", body={"regular_price": "5"}
    )
    calls.shop.run_due()
    told = {d.data["id"]: d.data for d in receiver.taken()}
    assert (told[child["id"]]["type"], told[child["id"]]["parent_id"]) == (
        "variation", parent["id"],
    )  # fmt: skip
    receiver.deliveries.clear()
    await calls.rest.send("DELETE", f"/wp-json/wc/v3/products/{product['id']}")
    calls.shop.php(f"wp_untrash_post({product['id']});")
    calls.shop.php(f"wp_delete_post({product['id']}, true);")
    calls.shop.run_due()
    # The trash, the return (which is gone by the time it is told), and the end. WooCommerce's own
    # jobs may have touched it in between: told as gone, too.
    told_of = topics(receiver.taken())[product["id"]]
    assert set(told_of) == {"product.deleted"}
    assert len(told_of) >= 3
    assert receiver.taken()[0].data == {"id": product["id"]}


async def test_orders_while_the_network_is_cut(calls: Calls, receiver: Receiver) -> None:
    shop = calls.shop
    product = await calls.new_product(manage_stock=True, stock_quantity=1000)
    shop.run_due()
    receiver.cut()
    ids = shop.php(PLACE.replace("PRODUCT", str(product["id"])))
    shop.run_due()
    shop.php(COMPLETE.replace("IDS", f"array({','.join(map(str, ids))})"))
    for _ in range(6):
        later(shop)
    # Ten minutes away: seven attempts, at 0, 10, 30, 70, 150, 310 and 630 seconds or a fifth later.
    state = shop.php("return SmartStore\\WooCommerce\\Sender::state();")
    assert state["failures"] == 7
    waits = shop.php(
        "return array_map(array('SmartStore\\WooCommerce\\Backoff', 'after_outage'), range(1, 7));"
    )
    for place, wait in enumerate(waits):
        assert 10 * 2**place <= wait <= 12 * 2**place
    assert waiting(shop) == 2 * ORDERS + 1
    state = shop.php("return SmartStore\\WooCommerce\\Status::all();")
    assert state["error"]
    assert state["pending"] == 2 * ORDERS + 1
    assert "will be sent" in state["sentence"]

    refused = Counter[str]()

    def answer(told: dict[str, Any]) -> int:
        """Every hundredth delivery breaks down once; one order's is refused twice."""
        if told["topic"].startswith("order") and told["data"]["id"] == ids[3]:
            refused["bad"] += 1
            return 400 if refused["bad"] <= 2 else 200
        refused["all"] += 1
        return 503 if refused["all"] % 100 == 0 else 200

    receiver.answer = answer
    receiver.mend()
    for _ in range(40):
        later(shop)
        if not waiting(shop):
            break
    found = topics(receiver.taken("order"))
    assert found == {number: ["order.created", "order.updated"] for number in ids}
    once = Counter(d.id for d in receiver.taken())
    assert set(once.values()) == {1}
    # A repeat is the same delivery: one id, one body.
    bodies: dict[str, set[bytes]] = {}
    for one in receiver.deliveries:
        bodies.setdefault(one.id, set()).add(one.body)
    assert all(len(held) == 1 for held in bodies.values())


OUTAGE_S = float(os.environ.get("REAL_STORE_OUTAGE_S", "0"))


@pytest.mark.skipif(not OUTAGE_S, reason="REAL_STORE_OUTAGE_S says for how long: 600 once")
@pytest.mark.timeout(OUTAGE_S + 900)
async def test_an_outage_by_the_clock(calls: Calls, receiver: Receiver) -> None:
    """The network is really away for so long while customers buy, and the host's cron runs."""
    shop = calls.shop
    product = await calls.new_product(manage_stock=True, stock_quantity=1000)
    shop.run_due()
    receiver.deliveries.clear()
    receiver.cut()
    began, ids = time.monotonic(), list[int]()
    while len(ids) < ORDERS:  # over the first half of the outage
        order = await calls.sell(product, 1)
        ids.append(order["id"])
        if len(ids) % 10 == 0:
            shop.php(COMPLETE.replace("IDS", f"array({','.join(map(str, ids[-10:]))})"))
            shop.run_due()
        await asyncio.sleep(max(0.0, began + OUTAGE_S / 2 * len(ids) / ORDERS - time.monotonic()))
    while time.monotonic() < began + OUTAGE_S:
        shop.run_due()
        await asyncio.sleep(5)
    assert receiver.deliveries == []
    state = shop.php("return SmartStore\\WooCommerce\\Sender::state();")
    assert state["failures"] >= 6
    receiver.mend()
    mended = time.monotonic()
    while waiting(shop) and time.monotonic() < mended + 700:
        shop.run_due()
        await asyncio.sleep(1)
    found = topics(receiver.taken("order"))
    assert set(found) == set(ids)
    assert {tuple(told) for told in found.values()} == {("order.created", "order.updated")}
    assert set(Counter(one.id for one in receiver.deliveries).values()) == {1}
    last = receiver.taken("product")[-1]
    assert last.data["stock_quantity"] == 1000 - ORDERS
    print(  # noqa: T201 - for docs/real-store.md
        f"{len(ids)} orders, {len(receiver.deliveries)} deliveries, {state['failures']} attempts "
        f"failed, all there {time.monotonic() - mended:.0f} s after the network"
    )


async def test_a_wrong_secret_loses_nothing(calls: Calls, receiver: Receiver) -> None:
    shop = calls.shop
    settings = "$s = get_option('smartstore_settings'); $s['webhook_secret'] = '{}';"
    shop.php(settings.format("wrong") + "update_option('smartstore_settings', $s);")
    product = await calls.new_product()
    shop.run_due()
    assert receiver.deliveries == []
    assert waiting(shop) == 1
    shop.php(
        settings.format("s3cr3tDumbaraLooms2026") + "update_option('smartstore_settings', $s);"
    )
    later(shop)
    assert topics(receiver.taken()) == {product["id"]: ["product.created"]}


@pytest.mark.parametrize("switch", ["auto_sync", "sync_products"])
async def test_switched_off_nothing_is_queued(
    calls: Calls, receiver: Receiver, switch: str
) -> None:
    calls.shop.php(
        f"$s = get_option('smartstore_settings'); $s['{switch}'] = false;"
        "update_option('smartstore_settings', $s);"
    )
    await calls.new_product()
    assert waiting(calls.shop) == 0
    assert receiver.deliveries == []


async def test_everything_on_request(calls: Calls, receiver: Receiver) -> None:
    shop = calls.shop
    await calls.new_product()
    await sent(shop)
    # A variation stays published where its product was taken away: it is nobody's then.
    products = shop.php(
        "$held = array('publish', 'draft', 'private');"
        "$all = get_posts(array('post_type' => array('product', 'product_variation'),"
        "'post_status' => $held, 'posts_per_page' => -1));"
        "$ours = array_filter($all, function ($one) use ($held) {"
        "return !$one->post_parent || in_array(get_post_status($one->post_parent), $held); });"
        "return array_column($ours, 'ID');"
    )
    shop.php("SmartStore\\WooCommerce\\Resync::start('products');")

    progress = "return SmartStore\\WooCommerce\\Resync::progress('products');"

    async def finished() -> bool:
        shop.run_due()
        return bool(shop.php(progress)["finished"])

    await until(finished, bool, limit_s=120, every_s=1)
    await sent(shop)
    assert shop.php(progress)["done"] == len(products)
    told = {one.id: one.data["id"] for one in receiver.taken("product.updated")}
    assert sorted(told.values()) == sorted(products)


async def test_cores_own_webhooks_to_the_same_address_are_paused(
    calls: Calls, receiver: Receiver
) -> None:
    body = {
        "name": "ours", "topic": "product.updated",
        "delivery_url": f"{receiver.url}/api/webhooks/woocommerce/org-1",
    }  # fmt: skip
    hook = await calls.rest.send("POST", "/wp-json/wc/v3/webhooks", body=body)
    held = await calls.rest.get(f"/webhooks/{hook['id']}")
    assert held["status"] == "paused"
    calls.shop.php(
        "$s = get_option('smartstore_settings'); $s['auto_sync'] = false;"
        "update_option('smartstore_settings', $s);"
    )
    held = await calls.rest.get(f"/webhooks/{hook['id']}")
    assert held["status"] == "active"
    await calls.rest.send(
        "DELETE", f"/wp-json/wc/v3/webhooks/{hook['id']}", params={"force": "true"}
    )


async def test_pairing_with_a_code(calls: Calls, receiver: Receiver) -> None:
    import base64

    shop = calls.shop
    told = {"url": receiver.url, "organizationId": "org-1", "secret": "abc", "apiKey": "key-1"}
    code = "ssp_" + base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    shop.php("delete_option('smartstore_settings');")
    pair = f"return SmartStore\\WooCommerce\\Pairing::pair('{code}');"
    keys = 'global $wpdb; return $wpdb->get_col("SELECT key_id FROM wp_woocommerce_api_keys");'
    before = shop.php(keys)
    receiver.paired = 409
    refused = shop.php(pair)
    assert not refused["ok"]
    assert "the code is used up" in refused["words"]
    assert shop.php(keys) == before
    assert not shop.php("return get_option('smartstore_settings');")
    receiver.paired = 201
    assert shop.php(pair)["ok"]
    path, _, body = receiver.asked[-1]
    assert (path, body["code"], body["siteUrl"]) == ("/api/integrations/pair", code, shop.url)
    settings = shop.php("return SmartStore\\WooCommerce\\Settings::all();")
    assert (settings["api_url"], settings["webhook_secret"]) == (receiver.url, "abc")
    shop.keys["paired"] = (body["consumerKey"], body["consumerSecret"])
    rest = shop.rest("paired")
    assert (await rest.send("GET", "/wp-json/smartstore/v1/sync"))["protocol"] == 1
    await rest.close()
    assert not shop.php("return SmartStore\\WooCommerce\\Pairing::pair('ssp_nonsense');")["ok"]
