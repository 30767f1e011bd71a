"""WhatsApp: the contract's samples as written, and Meta's habits."""

import json
from typing import Any

import httpx
import pytest

from sandbox.data import TEMPLATES
from sandbox.sender import escaped_json
from sandbox.whatsapp.outbound import signature
from tests.sandbox.conftest import Bench, sample

PHONE = "104857392017364"
CATALOG = "1083364729915520"
CUSTOMER = "94771234567"
TARGET = "http://hub.test/whatsapp"
TOKEN = "sandbox-token"
NOW = 1_784_524_000


async def make_number(bench: Bench, **settings: Any) -> None:
    await bench.control.set_clock(freeze=NOW)
    chosen = {"webhook_url": TARGET, "templates": TEMPLATES, "app_secret": "s", **settings}
    await bench.control.create_number(PHONE, **chosen)


async def graph(
    bench: Bench, method: str, path: str, body: Any = None, token: str = TOKEN
) -> httpx.Response:
    return await bench.http.request(
        method, path, json=body, headers={"Authorization": f"Bearer {token}"}
    )


async def send(bench: Bench, body: Any, **more: Any) -> httpx.Response:
    return await graph(bench, "POST", f"/v25.0/{PHONE}/messages", body, **more)


def text(**more: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": CUSTOMER,
        "type": "text", "text": {"body": "Hello"}, **more,
    }  # fmt: skip


def error_of(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    error = answer.json()["error"]
    error.pop("fbtrace_id")
    return answer.status_code, error


def statuses(bench: Bench) -> list[dict[str, Any]]:
    return [
        status
        for request in bench.receiver.requests
        for status in json.loads(request.content)["entry"][0]["changes"][0]["value"]["statuses"]
    ]


# The samples


@pytest.mark.parametrize("place", range(5))
async def test_each_sample_message_is_accepted(bench: Bench, place: int) -> None:
    pair = sample("whatsapp/exchange_send.json")
    await make_number(bench)
    request, expected = pair["requests"][place], pair["response"]
    message_id = expected["body"]["messages"][0]["id"]
    await bench.control.prepare_next(PHONE, message_ids=[message_id])
    answer = await graph(bench, "POST", pair["path"], request)
    to = request["to"]
    body = {**expected["body"], "contacts": [{"input": to, "wa_id": to}]}
    assert (answer.status_code, answer.json()) == (expected["http_status"], body)
    [kept] = await bench.control.messages(PHONE)
    assert (kept["id"], kept["body"]) == (message_id, request)


async def test_each_sample_error_arises(bench: Bench) -> None:
    expected = [
        (entry["http_status"], {**entry["body"]["error"]})
        for entry in sample("whatsapp/exchange_send.json")["errors"]
    ]
    for _, error in expected:
        error.pop("fbtrace_id")
    await make_number(bench, enforce_pair_limit=True, throughput_per_s=0, enforce_window=False)
    for _ in range(45):
        assert (await send(bench, text())).status_code == 200
    assert error_of(await send(bench, text())) == expected[0]
    await bench.control.change_number(PHONE, throughput_per_s=1)
    await send(bench, text(to="94760001122"))
    assert error_of(await send(bench, text(to="94760001122"))) == expected[1]
    template = {"name": "order_confirmed", "language": {"code": "si"}}
    missing = text(type="template", template=template)
    del missing["text"]
    assert error_of(await send(bench, missing)) == expected[3]
    assert error_of(await send(bench, text(to="nobody"))) == expected[4]
    await bench.control.number_faults(PHONE, requests=[{"code": 2}])
    assert error_of(await send(bench, text())) == expected[5]
    # Sunday 19 July 2026 03:00:00 and Monday 05:10:11 in California.
    await bench.control.change_number(PHONE, token_expires_at=1_784_455_200)
    await bench.control.set_clock(freeze=1_784_549_411)
    assert error_of(await send(bench, text())) == expected[2]


async def test_catalogue_batch(bench: Bench) -> None:
    pair = sample("whatsapp/exchange_catalog_items_batch.json")
    await make_number(bench, catalog_delay_s=None)
    await bench.control.prepare_next(PHONE, handles=pair["response"]["body"]["handles"])
    answer = await graph(bench, "POST", pair["path"], pair["request"])
    assert answer.status_code == pair["response"]["http_status"]
    assert answer.json() == pair["response"]["body"]
    started, finished = pair["status_responses"]
    assert (await graph(bench, "GET", pair["status_path"])).json() == started["body"]
    assert await bench.control.catalogue(PHONE) == {}
    assert await bench.control.finish_batches(PHONE) == 1
    assert (await graph(bench, "GET", pair["status_path"])).json() == finished["body"]
    items = await bench.control.catalogue(PHONE)
    assert items["HL-SAREE-001-RED"]["quantity_to_sell_on_facebook"] == 4
    assert "colour" not in items["TEA-BOPF-400"]
    path = f'/v25.0/{CATALOG}/products?filter={{"retailer_id":{{"eq":"TEA-BOPF-400"}}}}'
    listed = await graph(bench, "GET", path + "&fields=retailer_id,name,availability,price")
    [item] = listed.json()["data"]
    assert {**item, "id": ""} == {
        "id": "", "retailer_id": "TEA-BOPF-400", "name": "Ceylon BOPF tea 400 g",
        "availability": "out of stock", "price": "LKR 1,899.50",
    }  # fmt: skip


async def test_throttled_catalogue(bench: Bench) -> None:
    expected = sample("whatsapp/exchange_catalog_items_batch.json")["throttled"]
    await make_number(bench)
    await bench.control.number_faults(PHONE, requests=[{"code": 80014, "path": "items_batch"}])
    answer = await graph(bench, "POST", f"/v25.0/{CATALOG}/items_batch", {})
    expected["body"]["error"].pop("fbtrace_id")
    assert error_of(answer) == (expected["http_status"], expected["body"]["error"])
    name = "x-business-use-case-usage"
    assert json.loads(answer.headers[name]) == json.loads(expected["headers"][name])


async def test_verification_and_signature(bench: Bench) -> None:
    pair = sample("whatsapp/exchange_webhook_security.json")
    await make_number(bench, verify_token=pair["verify"]["expected_token"])
    assert await bench.control.verify_webhook(PHONE)
    [request] = bench.receiver.requests
    query = dict(httpx.QueryParams(pair["verify"]["request"]["query"]))
    assert dict(request.url.params) == {
        **query,
        "hub.challenge": request.url.params["hub.challenge"],
    }
    bench.receiver.challenge_answer = "something else"
    assert not await bench.control.verify_webhook(PHONE)
    bench.receiver.challenge_answer = None
    bench.receiver.status = pair["verify_wrong_token"]["response"]["http_status"]
    assert not await bench.control.verify_webhook(PHONE)
    vector = pair["signature"]
    body = escaped_json(json.loads(vector["raw_body"]))
    assert body.decode() == vector["raw_body"]
    assert signature(vector["app_secret"], body) == vector["value"]


async def test_a_catalogue_order_is_the_sample_webhook(bench: Bench) -> None:
    expected = sample("whatsapp/webhook_order_cart.json")
    await make_number(bench)
    value = expected["entry"][0]["changes"][0]["value"]
    [contact], [message] = value["contacts"], value["messages"]
    await bench.control.set_clock(freeze=float(message["timestamp"]))
    batch = sample("whatsapp/exchange_catalog_items_batch.json")["request"]
    items = {entry["data"]["id"]: entry["data"] for entry in batch["requests"][:2]}
    bench.world.catalogues[CATALOG].items.update(items)
    lines = [
        {"sku": "HL-SAREE-001-RED"},
        {"sku": "TEA-BOPF-400", "quantity": 3},
        {"sku": "GONE-FROM-CATALOG", "quantity": 2, "item_price": 450, "currency": "LKR"},
    ]
    await bench.control.customer_orders(
        PHONE, CUSTOMER, lines, "Please deliver to Nugegoda before Saturday",
        name="Nadeesha Perera", user_id=contact["user_id"], id=message["id"],
    )  # fmt: skip
    await bench.control.drain()
    [request] = bench.receiver.requests
    assert json.loads(request.content) == expected
    assert request.headers["x-hub-signature-256"] == signature("s", request.content)


@pytest.mark.parametrize("file", ["text", "image", "list_reply", "template_quick_reply"])
async def test_any_inbound_message_can_be_replayed(bench: Bench, file: str) -> None:
    expected = sample(f"whatsapp/webhook_{file}.json")
    await make_number(bench)
    value = expected["entry"][0]["changes"][0]["value"]
    [contact], [message] = value["contacts"], value["messages"]
    await bench.control.customer_writes(
        PHONE, contact["wa_id"], message=message, name=contact["profile"]["name"],
        user_id=contact["user_id"],
    )  # fmt: skip
    await bench.control.drain()
    assert json.loads(bench.receiver.requests[0].content) == expected


async def test_failed_status_is_the_sample(bench: Bench) -> None:
    expected = sample("whatsapp/webhook_status_failed.json")
    [status] = expected["entry"][0]["changes"][0]["value"]["statuses"]
    await make_number(bench)
    await bench.control.set_clock(freeze=float(status["timestamp"]))
    await bench.control.prepare_next(PHONE, message_ids=[status["id"]])
    assert (await send(bench, text(to=status["recipient_id"]))).status_code == 200
    await bench.control.drain()
    assert json.loads(bench.receiver.requests[0].content) == expected


async def test_delivered_status_is_the_sample(bench: Bench) -> None:
    expected = sample("whatsapp/webhook_statuses.json")
    status = expected["entry"][0]["changes"][0]["value"]["statuses"][0]
    await make_number(bench, statuses=["delivered"])
    await bench.control.set_clock(freeze=float(status["timestamp"]))
    await bench.control.prepare_next(PHONE, message_ids=[status["id"]])
    request = sample("whatsapp/exchange_send.json")["requests"][1]
    await send(bench, {**request, "biz_opaque_callback_data": "outbox:7f3c2a"})
    await bench.control.drain()
    [sent] = statuses(bench)
    assert {**sent, "recipient_user_id": status["recipient_user_id"]} == status


# Habits


async def test_statuses_follow_in_order_with_the_callback_data(bench: Bench) -> None:
    await make_number(bench)
    await bench.control.customer_writes(PHONE, CUSTOMER, "hi")
    await bench.control.drain()
    bench.receiver.requests.clear()
    await send(bench, text(biz_opaque_callback_data="outbox:1"))
    await bench.control.drain()
    found = [(status["status"], status["biz_opaque_callback_data"]) for status in statuses(bench)]
    assert found == [("sent", "outbox:1"), ("delivered", "outbox:1"), ("read", "outbox:1")]
    [kept] = await bench.control.messages(PHONE)
    assert kept["status"] == "read"


async def test_the_window_closes_after_a_day_but_not_for_templates(bench: Bench) -> None:
    await make_number(bench, window_error_at_once=True)
    assert error_of(await send(bench, text()))[1]["code"] == 131047
    await bench.control.customer_writes(PHONE, CUSTOMER, "hi")
    assert (await send(bench, text())).status_code == 200
    await bench.control.set_clock(advance_s=24 * 3600)
    assert error_of(await send(bench, text()))[1]["code"] == 131047
    template = sample("whatsapp/exchange_send.json")["requests"][1]
    assert (await send(bench, template)).status_code == 200


def _template(**more: Any) -> dict[str, Any]:
    body = text(type="template", template={"name": "order_status", "language": {"code": "en"}})
    del body["text"]
    body["template"] |= more
    return body


def _body(*texts: str) -> list[dict[str, Any]]:
    parameters = [{"type": "text", "text": entry} for entry in texts]
    return [{"type": "body", "parameters": parameters}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text(surprise=1), 100),
        (text(text={"body": "x" * 4097}), 131009),
        (text(text={}), 131008),
        (text(text={"body": "x", "colour": 1}), 100),
        (text(to="94112345678"), 131021),
        ({**text(), "type": "poll", "poll": {}}, 100),
        ({"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}, 131008),
        ({"to": CUSTOMER, "type": "text", "text": {"body": "x"}}, 100),
        (_template(components=_body("a")), 132000),
        (_template(components=_body("a", "c\nd")), 100),
        (_template(name="unknown"), 132001),
        (text(type="reaction", reaction={"message_id": "wamid.x"}), 100),
    ],
)
async def test_refused_messages(bench: Bench, body: dict[str, Any], code: int) -> None:
    await make_number(bench, enforce_window=False)
    assert error_of(await send(bench, body))[1]["code"] == code
    assert await bench.control.messages(PHONE) == []


async def test_a_wrong_token_is_code_190(bench: Bench) -> None:
    await make_number(bench)
    status, error = error_of(await send(bench, text(), token="other"))
    assert (status, error["code"]) == (401, 190)
    status, error = error_of(await graph(bench, "POST", "/v25.0/1/messages", text()))
    assert (status, error["code"], error["error_subcode"]) == (400, 100, 33)


async def test_marking_read_needs_a_message_that_came(bench: Bench) -> None:
    await make_number(bench)
    await bench.control.customer_writes(PHONE, CUSTOMER, "hi", id="wamid.in")
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.in"}
    assert (await send(bench, body)).json() == {"success": True}
    assert (await send(bench, {**body, "message_id": "wamid.no"})).status_code == 400


def item(sku: str, **more: Any) -> dict[str, Any]:
    return {
        "id": sku, "title": "T", "description": "D", "availability": "in stock",
        "condition": "new", "price": "1.00 LKR", "link": "https://shop.example.com/t",
        "brand": "B", "image_link": "https://cdn.example.com/t.jpg", **more,
    }  # fmt: skip


async def batch(bench: Bench, *requests: tuple[str, dict[str, Any]], **more: Any) -> Any:
    body = {
        "item_type": "PRODUCT_ITEM",
        "requests": [{"method": method, "data": data} for method, data in requests],
        **more,
    }
    return (await graph(bench, "POST", f"/v25.0/{CATALOG}/items_batch", body)).json()


async def test_upsert_resurrects_and_its_absence_does_not(bench: Bench) -> None:
    await make_number(bench, catalog_delay_s=None)
    await batch(bench, ("UPDATE", item("A")), allow_upsert=False)
    await bench.control.finish_batches(PHONE)
    assert await bench.control.catalogue(PHONE) == {}
    await batch(bench, ("UPDATE", item("A")))
    await batch(bench, ("UPDATE", {"id": "A", "price": "2.00 LKR"}), allow_upsert=False)
    await bench.control.finish_batches(PHONE)
    assert (await bench.control.catalogue(PHONE))["A"]["price"] == "2.00 LKR"
    writes = await bench.control.catalogue_writes(PHONE)
    assert [write["reason"] for write in writes] == ["Item to update was not found", "", ""]


async def test_invalid_items_are_named_and_nothing_is_ingested(bench: Bench) -> None:
    await make_number(bench)
    bad = item("A", availability="in_stock", price="4850")
    answer = await batch(bench, ("CREATE", bad), ("DELETE", {"retailer_id": "B"}))
    assert answer["handles"] == []
    assert [len(entry["errors"]) for entry in answer["validation_status"]] == [2, 1]
    unknown = await graph(bench, "POST", f"/v25.0/{CATALOG}/items_batch", {"requests": []})
    assert error_of(unknown)[1]["code"] == 100


async def test_webhooks_are_repeated_until_taken(bench: Bench) -> None:
    await make_number(bench, delivery_attempts=4, retry_base_s=0.001)
    bench.receiver.status = 500
    await bench.control.customer_writes(PHONE, CUSTOMER, "hi")
    await bench.control.drain()
    assert len(bench.receiver.requests) == 4
    assert len({request.content for request in bench.receiver.requests}) == 1


async def test_a_message_sent_twice_is_there_twice(bench: Bench) -> None:
    await make_number(bench)
    for _ in range(2):
        await send(bench, text(biz_opaque_callback_data="outbox:1"))
    assert len(await bench.control.messages(PHONE)) == 2
