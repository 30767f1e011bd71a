"""Every change is counted, whoever makes it; etags and digests tell the rest."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from connectors.errors import Paused
from connectors.woocommerce.rest import API, Rejected
from tests.real_store.calls import Calls, create, meta, write

REVISION = "_smartstore_revision"
DIGEST = "/wp-json/smartstore/v1/digest"
ITEMS = "/wp-json/smartstore/v1/items"


@pytest.fixture
async def product(calls: Calls) -> dict[str, Any]:
    return await calls.new_product(regular_price="100", manage_stock=True, stock_quantity=36)


async def told(calls: Calls, product: dict[str, Any]) -> tuple[int, str]:
    """(revision, etag)"""
    found = await calls.product(product)
    return meta(found, REVISION), found["smartstore_etag"]


PHP_CHANGES = {
    "a save in the admin": "$p = wc_get_product({id}); $p->set_name('Edited'); $p->save();",
    "quick edit": "wp_update_post(array('ID' => {id}, 'post_title' => 'Quick'));",
    "a plugin that writes meta": "update_post_meta({id}, '_weight', '3');",
    "a plugin that adds meta": "add_post_meta({id}, 'gift_wrap', 'yes');",
    "a plugin that sets terms": "wp_set_object_terms({id}, array('Sale'), 'product_tag');",
    "stock set by a plugin": "wc_update_product_stock({id}, 5);",
    "the trash": "wp_trash_post({id});",
}  # fmt: skip


@pytest.mark.parametrize("change", PHP_CHANGES)
async def test_changes_in_the_shop_are_counted(
    calls: Calls, product: dict[str, Any], change: str
) -> None:
    before, etag = await told(calls, product)
    calls.shop.php(PHP_CHANGES[change].replace("{id}", str(product["id"])))
    after, changed = await told(calls, product)
    assert after > before
    assert changed != etag


async def test_changes_by_rest_and_orders_are_counted(
    calls: Calls, product: dict[str, Any]
) -> None:
    seen = [await told(calls, product)]
    await calls.edit(product, name="By REST")
    seen.append(await told(calls, product))
    order = await calls.sell(product, 2)
    seen.append(await told(calls, product))
    await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body={"status": "cancelled"})
    seen.append(await told(calls, product))
    await calls.sync(write(product))
    seen.append(await told(calls, product))
    revisions = [revision for revision, _ in seen]
    assert revisions == sorted(set(revisions))
    etags = [etag for _, etag in seen]
    assert etags[3] == etags[1], "with its stock given back the item is the same again"
    assert len(set(etags)) == len(seen) - 1


async def test_orders_and_customers_are_counted(calls: Calls, product: dict[str, Any]) -> None:
    order = await calls.sell(product, 1)
    placed = await calls.order(order["id"])
    body = {"customer_note": "After four"}
    changed = await calls.rest.send("PUT", f"{API}/orders/{order['id']}", body=body)
    assert meta(changed, REVISION) > meta(placed, REVISION)
    assert changed["smartstore_etag"] != placed["smartstore_etag"]
    refund = {"amount": "1.00", "api_refund": False}
    await calls.rest.send("POST", f"{API}/orders/{order['id']}/refunds", body=refund)
    refunded = await calls.order(order["id"])
    assert meta(refunded, REVISION) > meta(changed, REVISION)
    email = f"{calls.new_sku().lower()}@example.com"
    made = await calls.rest.send("POST", f"{API}/customers", body={"email": email})
    edited = await calls.rest.send(
        "PUT", f"{API}/customers/{made['id']}", body={"first_name": "Nimal"}
    )
    assert meta(edited, REVISION) > meta(made, REVISION)
    assert edited["smartstore_etag"] != made["smartstore_etag"]


async def test_nobody_turns_the_revision_back(calls: Calls, product: dict[str, Any]) -> None:
    read = await calls.product(product)
    await calls.edit(product, name="Second")
    later, _ = await told(calls, product)
    await calls.edit(product, meta_data=read["meta_data"], name="With old meta data")
    assert (await told(calls, product))[0] > later


async def test_a_copy_of_a_product_has_no_mark(calls: Calls, product: dict[str, Any]) -> None:
    await calls.sync(write(product))
    copy = calls.shop.php(
        "include_once WC_ABSPATH . 'includes/admin/class-wc-admin-duplicate-product.php';"
        "$maker = new WC_Admin_Duplicate_Product();"
        f"return $maker->product_duplicate(wc_get_product({product['id']}))->get_id();"
    )
    assert meta(await calls.product({"id": copy}), "_smartstore_product") is None


async def test_etags_do_not_hang_on_who_asks(calls: Calls, product: dict[str, Any]) -> None:
    [taken] = await calls.sync(write(product))
    etag = taken["resource"]["smartstore_etag"]
    path = f"/products/{product['id']}"
    view = await calls.rest.get(path)
    edit = await calls.rest.get(path, {"context": "edit"})
    assert {view["smartstore_etag"], edit["smartstore_etag"]} == {etag}
    listed = await calls.rest.get("/products", {"include": str(product["id"])})
    assert listed[0]["smartstore_etag"] == etag
    assert "smartstore_etag" not in await calls.rest.get(path, {"_fields": "id,name"})
    by_nobody = calls.shop.php(
        "wp_set_current_user(0); return \\SmartStore\\WooCommerce\\Items::resource("
        f"'product', {product['id']})['smartstore_etag'];"
    )
    assert by_nobody == etag
    # A mark alone is no other content.
    [again] = await calls.sync(write(product, op=[812, 2], after=[812, 1], want={}))
    assert again["resource"]["smartstore_etag"] == etag


async def test_a_write_past_all_hooks_shows_in_the_etag(
    calls: Calls, product: dict[str, Any]
) -> None:
    before, etag = await told(calls, product)
    calls.shop.php(
        "global $wpdb; $wpdb->update('wp_postmeta', array('meta_value' => '3'),"
        f"array('post_id' => {product['id']}, 'meta_key' => '_stock'));"
    )
    after, changed = await told(calls, product)
    assert after == before
    assert changed != etag


async def test_digests(calls: Calls, product: dict[str, Any]) -> None:
    other = await calls.new_product()
    trashed = await calls.new_product()
    await calls.rest.send("DELETE", f"{API}/products/{trashed['id']}")
    ids = [str(one) for one in (other["id"], 999_999, product["id"], trashed["id"])]
    etags = [(await told(calls, one))[1] for one in (other, product)]
    lines = f"{ids[0]}:{etags[0]}\n{ids[1]}:-\n{ids[2]}:{etags[1]}\n{ids[3]}:-\n"
    body = {"resource": "product", "ids": ids, "each": False}
    assert await calls.rest.send("POST", DIGEST, body=body) == {
        "digest": hashlib.sha256(lines.encode()).hexdigest(),
        "count": 2,
    }
    each = await calls.rest.send("POST", DIGEST, body={**body, "each": True})
    assert each == {"items": {ids[0]: etags[0], ids[2]: etags[1]}}
    with pytest.raises(Rejected) as caught:
        await calls.rest.send("POST", DIGEST, body={**body, "ids": ["1"] * 501})
    assert caught.value.data["status"] == 413
    none = await calls.rest.send("POST", DIGEST, body={**body, "ids": ["999999"], "each": True})
    assert none == {"items": {}}


async def test_digests_of_variations_orders_and_customers(
    calls: Calls, product: dict[str, Any]
) -> None:
    parent = await calls.new_product(
        type="variable", attributes=[{"name": "Size", "options": ["M"], "variation": True}]
    )
    child = await calls.rest.send(
        "POST", f"{API}/products/{parent['id']}/variations", body={"regular_price": "5"}
    )
    order = await calls.order((await calls.sell(product, 1))["id"])
    email = f"{calls.new_sku().lower()}@example.com"
    [made] = await calls.sync(create(resource="customer", want={"email": email}))
    customer = made["resource"]
    for resource, name, etag in (
        ("variation", f"{parent['id']}:{child['id']}", child["smartstore_etag"]),
        ("order", str(order["id"]), order["smartstore_etag"]),
        ("customer", str(customer["id"]), customer["smartstore_etag"]),
    ):
        body = {"resource": resource, "ids": [name], "each": True}
        assert await calls.rest.send("POST", DIGEST, body=body) == {"items": {name: etag}}
        listed = await calls.rest.send(
            "GET",
            ITEMS,
            params={"resource": resource, "after": name.replace(str(order["id"]), "0")},
        )
        assert name in listed["ids"] if resource == "order" else name not in listed["ids"]


async def test_lists_of_ids(calls: Calls, product: dict[str, Any]) -> None:
    made = [(await calls.new_product())["id"] for _ in range(3)]
    await calls.rest.send("DELETE", f"{API}/products/{made[1]}")
    query = {"resource": "product", "after": str(product["id"]), "limit": "1"}
    first = await calls.rest.send("GET", ITEMS, params=query)
    assert (first["ids"], first["next"]) == ([str(made[0])], str(made[0]))
    second = await calls.rest.send("GET", ITEMS, params={**query, "after": first["next"]})
    assert (second["ids"], second["next"]) == ([str(made[2])], "")
    assert first["total"] == second["total"] > 2
    with pytest.raises(Rejected, match="rest_invalid_param"):
        await calls.rest.send("GET", ITEMS, params={"resource": "coupon"})
    stranger = calls.shop.rest("subscriber")
    with pytest.raises(Paused, match="cannot_view"):
        await stranger.send("GET", ITEMS, params=query)
    await stranger.close()
