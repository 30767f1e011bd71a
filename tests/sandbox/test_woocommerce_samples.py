"""Every WooCommerce pair of the contract's samples is answered as written."""

from typing import Any

import pytest

from sandbox.sender import escaped_json
from sandbox.woocommerce.hooks import signature
from tests.sandbox.conftest import Bench, ShopClient, sample

HOME = "https://shop.example.com"


def holds(shortened: Any, whole: Any) -> bool:
    """The samples shorten resources: everything they name must be there, and equal."""
    if isinstance(shortened, dict):
        return all(name in whole and holds(value, whole[name]) for name, value in shortened.items())
    if isinstance(shortened, list):
        return len(shortened) == len(whole) and all(map(holds, shortened, whole))
    return bool(shortened == whole)


async def sample_shop(bench: Bench, at: str = "2026-07-20T04:40:00", **records: Any) -> ShopClient:
    await bench.control.set_clock(freeze=at)
    shop = await bench.shop(home_url=HOME, plugin=False)
    await bench.control.load(shop.access.name, records)
    return shop


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("product_simple", "products/412"),
        ("product_draft_empty_prices", "products/455"),
        ("product_variable", "products/430"),
        ("product_updated_variation_body", "products/431"),
        ("order_created_cod", "orders/1041"),
        ("order_updated_partially_refunded", "orders/1041"),
        ("customer_created", "customers/31"),
    ],
)
async def test_a_loaded_resource_reads_back_as_the_sample(
    bench: Bench, file: str, path: str
) -> None:
    expected = sample(f"woocommerce/{file}.json")
    records = {path.partition("/")[0]: [expected]}
    if file.startswith(("product_variable", "product_updated")):
        red = sample("woocommerce/product_updated_variation_body.json")
        others = [{**red, "id": number, "sku": f"X-{number}"} for number in (432, 433)]
        records["products"] = [sample("woocommerce/product_variable.json")]
        records["variations"] = [red, *others]
    shop = await sample_shop(bench, **records)
    answer = await shop.rest("GET", path)
    assert answer.json() == expected


async def test_batch(bench: Bench) -> None:
    pair = sample("woocommerce/exchange_batch.json")
    shop = await sample_shop(
        bench,
        products=[
            sample("woocommerce/product_simple.json"),
            sample("woocommerce/product_draft_empty_prices.json"),
        ],
        next_ids={"post": 460},
    )
    answer = await shop.rest("POST", "products/batch", pair["request"])
    assert answer.status_code == pair["response"]["http_status"]
    assert list(answer.json()) == ["create", "update", "delete"]
    assert holds(pair["response"]["body"], answer.json())
    assert (await shop.rest("GET", "products/455")).status_code == 404


async def test_batch_of_more_than_a_hundred(bench: Bench) -> None:
    expected = sample("woocommerce/exchange_batch.json")["too_large"]
    shop = await sample_shop(bench)
    answer = await shop.rest("POST", "products/batch", {"delete": list(range(101))})
    assert (answer.status_code, answer.json()) == (expected["http_status"], expected["body"])


async def test_errors(bench: Bench) -> None:
    errors = sample("woocommerce/exchange_errors_and_paging.json")["errors"]
    shop = await sample_shop(bench)
    key = shop.access.consumer_key
    oauth = {
        "oauth_consumer_key": key,
        "oauth_timestamp": str(int(bench.world.clock.now())),
        "oauth_nonce": "n",
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_signature": "bm8=",
    }
    webhook = {"topic": "order.updated", "delivery_url": "https://hub.example.com/hooks"}
    number = (await shop.rest("POST", "webhooks", webhook)).json()["id"]
    answers = [
        await shop.rest("GET", "products", auth=None),
        await shop.rest("GET", "products", auth=(key, "cs_wrong")),
        await shop.rest("GET", "products", auth=None, params=oauth),
        await shop.rest("GET", "orders/7"),
        await shop.rest("GET", "nothing"),
        await shop.rest("GET", "products?per_page=101"),
        await shop.rest("DELETE", f"webhooks/{number}"),
    ]
    for expected, answer in zip(errors, answers, strict=False):
        assert (answer.status_code, answer.json()) == (expected["http_status"], expected["body"])
    await bench.control.faults("shop", requests=[{"status": 503}])
    page = await shop.rest("GET", "products")
    assert page.status_code == errors[-1]["http_status"]
    assert page.headers["content-type"] == errors[-1]["content_type"]
    assert page.text == errors[-1]["raw_body"]


async def test_paging(bench: Bench) -> None:
    paging = sample("woocommerce/exchange_errors_and_paging.json")["paging"]
    base = sample("woocommerce/product_simple.json")
    moments = {401: "04:10:00", 402: "04:11:00", 412: "04:12:00", 430: "04:13:00", 440: "04:14:00"}
    records = [
        {**base, "id": number, "sku": f"S{number}", "date_modified_gmt": f"2026-07-20T{at}"}
        for number, at in moments.items()
    ]
    old = {**base, "id": 300, "sku": "OLD", "date_modified_gmt": "2026-07-20T04:00:00"}
    shop = await sample_shop(bench, products=[*records, old])
    method, _, address = paging["request"].partition(" ")
    answer = await shop.call(method, address.removeprefix("/wp-json/"))
    for name, value in paging["headers"].items():
        assert answer.headers[name] == value
    assert holds(paging["body"], answer.json())


async def test_order_note(bench: Bench) -> None:
    pair = sample("woocommerce/exchange_errors_and_paging.json")["order_note"]
    order = sample("woocommerce/order_created_cod.json")
    shop = await sample_shop(
        bench, "2026-07-21T03:30:00", orders=[order], next_ids={"comment": 281}
    )
    path = pair["request"]["path"].removeprefix("/wp-json/")
    answer = await shop.call(pair["request"]["method"], path, pair["request"]["body"])
    assert answer.status_code == pair["response"]["http_status"]
    assert answer.json() == pair["response"]["body"]


async def test_webhook_is_pinged_before_it_is_answered(bench: Bench) -> None:
    exchange = sample("woocommerce/exchange_webhook.json")
    pair = exchange["create"]
    shop = await sample_shop(bench, "2026-07-20T04:00:00", next_ids={"webhook": 17})
    answer = await shop.rest("POST", "webhooks", pair["request"]["body"])
    assert answer.status_code == pair["response"]["http_status"]
    assert answer.json() == pair["response"]["body"]
    [ping] = bench.receiver.requests
    assert ping.content.decode() == exchange["ping"]["raw_body"]
    for name, value in exchange["ping"]["headers"].items():
        assert ping.headers[name] == value
    assert not [name for name in ping.headers if name.startswith("x-wc")]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_signature_and_escaping_of_the_sample_deliveries(place: int) -> None:
    import json

    exchange = sample("woocommerce/exchange_webhook.json")
    delivery = exchange["deliveries"][place]
    body = escaped_json(json.loads(delivery["raw_body"]))
    assert body.decode() == delivery["raw_body"]
    expected = delivery["headers"]["X-WC-Webhook-Signature"]
    assert signature(exchange["secret"], body) == expected


async def test_deliveries_carry_the_sample_headers(bench: Bench) -> None:
    delivery = sample("woocommerce/exchange_webhook.json")["deliveries"][0]
    shop = await sample_shop(
        bench, orders=[sample("woocommerce/order_created_cod.json")], next_ids={"webhook": 17}
    )
    hook = sample("woocommerce/exchange_webhook.json")["create"]["request"]["body"]
    await shop.rest("POST", "webhooks", hook)
    await bench.control.edit_order("shop", 1041, customer_note="ස්තූතියි")
    await bench.control.drain()
    sent = bench.receiver.requests[-1]
    assert sent.headers["x-wc-webhook-signature"] == signature(hook["secret"], sent.content)
    for name in delivery["headers"].keys() - {
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Delivery-ID",
    }:
        assert sent.headers[name] == delivery["headers"][name]
    assert b"https:\\/\\/" in sent.content
    assert sent.content.isascii()


async def test_delivery_of_an_owner_without_rights_is_a_signed_error(bench: Bench) -> None:
    delivery = sample("woocommerce/exchange_webhook.json")["deliveries"][2]
    shop = await sample_shop(bench, orders=[sample("woocommerce/order_created_cod.json")])
    hook = sample("woocommerce/exchange_webhook.json")["create"]["request"]["body"]
    await shop.rest("POST", "webhooks", hook)
    await bench.control.change_shop("shop", owner_lost_rights=True)
    await bench.control.edit_order("shop", 1041, customer_note="x")
    await bench.control.drain()
    sent = bench.receiver.requests[-1]
    assert sent.content.decode() == delivery["raw_body"]
    assert sent.headers["x-wc-webhook-signature"] == delivery["headers"]["X-WC-Webhook-Signature"]


async def test_refund(bench: Bench) -> None:
    expected = sample("woocommerce/refund.json")
    shop = await sample_shop(
        bench,
        "2026-07-23T10:50:00",
        orders=[sample("woocommerce/order_created_cod.json")],
        next_ids={"post": 1050, "item": 80, "meta": 640},
    )
    body = {
        "amount": "1709.55",
        "reason": "One pack torn",
        "api_refund": False,
        "refunded_by": 2,
        "line_items": [{"id": 72, "quantity": 1, "refund_total": "1709.55"}],
    }
    answer = await shop.rest("POST", "orders/1041/refunds", body)
    assert answer.status_code == 201
    assert holds(expected, answer.json())
    order = (await shop.rest("GET", "orders/1041")).json()
    assert order["refunds"] == [{"id": 1050, "reason": "One pack torn", "total": "-1709.55"}]
    assert order["total"] == "16978.65"
