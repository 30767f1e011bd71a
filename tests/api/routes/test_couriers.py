"""Couriers over HTTP, against a sandbox: the user's own shapes, and errors as problems."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.courier_bench import CourierBench, courier_bench

pytestmark = pytest.mark.servers

SENDER = {
    "name": "John Doe", "phone": "+94112345678", "address": "123 Main St", "city": "Colombo",
    "postalCode": "10000",
}  # fmt: skip
RECEIVER = {
    "name": "Jane Smith", "phone": "+94771234560", "address": "456 Oak Ave", "city": "Kandy",
    "postalCode": "20000", "state": "Kandy",
}  # fmt: skip
BOX = {"weight": 2.5, "length": 30, "width": 20, "height": 15, "description": "Electronics package"}


@pytest.fixture
async def bench() -> AsyncIterator[CourierBench]:
    async with courier_bench() as opened:
        yield opened


@pytest.fixture
async def http(api: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with api.client("kandy") as client:
        yield client
    await api.services.couriers.close()


async def connect(http: httpx.AsyncClient, bench: CourierBench, code: str) -> dict[str, Any]:
    answer = await http.post("/api/couriers", json=await bench.account(code))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def order(order_id: str = "ORD-123", **more: Any) -> dict[str, Any]:
    return {
        "pickupAddress": SENDER, "deliveryAddress": RECEIVER, "package": BOX, "orderId": order_id,
        "courierCode": "aramex", **more,
    }  # fmt: skip


async def test_a_courier_is_added_changed_tried_and_removed(
    http: httpx.AsyncClient, bench: CourierBench
) -> None:
    before = {one["code"]: one for one in (await http.get("/api/couriers")).json()["couriers"]}
    assert {"aramex", "dhl", "fedex", "ups", "ceylinco", "skynet"} <= before.keys()
    assert before["aramex"]["connected"] is False
    named = {field["name"]: field["secret"] for field in before["aramex"]["fields"]}
    assert (named["password"], named["account_number"]) == (True, False)
    made = await connect(http, bench, "aramex")
    assert (made["connected"], made["active"]) == (True, True)
    assert "sandbox-password" not in str(made)
    tried = (await http.post("/api/couriers/aramex/test")).json()
    assert (tried["ok"], tried["probes"][0]["ok"]) == (True, True)
    changed = await http.patch(
        "/api/couriers/aramex", json={"secrets": {"account_pin": "wrong-pin-here"}}
    )
    assert changed.status_code == 200
    tried = (await http.post("/api/couriers/aramex/test")).json()
    assert tried["ok"] is False
    assert "keys" in tried["probes"][0]["fix"]
    assert (await http.delete("/api/couriers/aramex")).status_code == 204
    gone = await http.get("/api/courier/track?trackingNumber=1&courierCode=aramex")
    assert gone.status_code == 404


async def test_what_is_missing_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/couriers", json={"code": "aramex", "apiKey": "one key"})
    assert answer.status_code == 422
    assert "Account number" in answer.json()["detail"]
    unknown = await http.post("/api/couriers", json={"code": "pigeon", "apiKey": "k"})
    assert (unknown.status_code, "pigeon" in unknown.json()["detail"]) == (422, True)
    misspelt = await http.post("/api/couriers", json={"code": "ups", "apiKeyy": "k"})
    assert misspelt.status_code == 422


async def test_a_file_with_a_mistake_is_refused_with_its_line(http: httpx.AsyncClient) -> None:
    text = '{\n  "slug": "domex",\n  "display_name": "Domex",\n  "colour": "red"\n}'
    for path, body in (
        ("/api/couriers", {"code": "domex", "profile": text}),
        ("/api/couriers/check", {"profile": text}),
    ):
        answer = await http.post(path, json=body)
        assert answer.status_code == 422
        found = {(one["line"], one["where"]) for one in answer.json()["errors"]}
        assert (4, "colour") in found


async def test_a_shipment_is_made_and_tracked_in_the_users_shape(
    http: httpx.AsyncClient, bench: CourierBench
) -> None:
    await connect(http, bench, "aramex")
    made = await http.post("/api/courier/track", json=order())
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["orderId"], body["status"], body["labels"]) == ("ORD-123", "Created", 1)
    again = await http.post("/api/courier/track", json=order())
    assert again.json()["trackingNumber"] == body["trackingNumber"]
    assert len(await bench.control.shipments("aramex")) == 1
    label = await http.get(body["labelUrl"])
    assert (label.headers["content-type"], label.content[:5]) == ("application/pdf", b"%PDF-")
    await bench.control.advance("aramex")
    await bench.control.advance("aramex")
    found = await http.get(
        f"/api/courier/track?trackingNumber={body['trackingNumber']}&courierCode=aramex"
    )
    told = found.json()
    assert set(told) == {
        "trackingNumber", "courierCode", "status", "statusCode", "location", "timestamp",
        "description", "estimatedDelivery", "events",
    }  # fmt: skip
    assert (told["status"], told["statusCode"]) == ("In Transit", "in_transit")
    assert len(told["events"]) == 3


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ({"status": 503, "html": True}, 503, "courier-away"),
        ({"status": 429, "retry_after_s": 17}, 429, "rate-limited"),
    ],
)
async def test_troubles_are_problems(
    http: httpx.AsyncClient,
    bench: CourierBench,
    fault: dict[str, Any],
    status: int,
    kind: str,
) -> None:
    await connect(http, bench, "dhl")
    await bench.control.courier_faults("dhl", fault)
    answer = await http.get("/api/courier/track?trackingNumber=7777777770&courierCode=dhl")
    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    if "retry_after_s" in fault:
        assert answer.headers["retry-after"] == "17"
    assert answer.json()["help"]


async def test_a_number_nobody_knows_and_a_wrong_key(
    http: httpx.AsyncClient, bench: CourierBench
) -> None:
    await connect(http, bench, "aramex")
    path = "/api/courier/track?trackingNumber=5041999999&courierCode=aramex"
    assert (await http.get(path)).status_code == 404
    await http.patch("/api/couriers/aramex", json={"secrets": {"password": "some-other-one"}})
    refused = await http.get(path)
    assert (refused.status_code, refused.json()["type"]) == (502, "courier-key")
    assert "some-other-one" not in refused.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": "Kandyy"}, "Did you mean Kandy"),
        ({"postalCode": "2000"}, "five digits"),
        ({"phone": "12"}, "phone number"),
    ],
)
async def test_addresses_are_checked_in_words(
    http: httpx.AsyncClient, bench: CourierBench, change: dict[str, str], says: str
) -> None:
    await connect(http, bench, "aramex")
    answer = await http.post(
        "/api/courier/track", json=order(deliveryAddress={**RECEIVER, **change})
    )
    assert answer.status_code == 422
    assert says in answer.text
    assert await bench.control.shipments("aramex") == []


async def test_strangers_have_no_couriers(
    api: Any, http: httpx.AsyncClient, bench: CourierBench
) -> None:
    await connect(http, bench, "aramex")
    body = (await http.post("/api/courier/track", json=order())).json()
    async with api.client("galle") as other:
        assert (await other.get(f"/api/shipments/{body['shipmentId']}")).status_code == 404
        assert (await other.get(body["labelUrl"])).status_code == 404
        path = f"/api/courier/track?trackingNumber={body['trackingNumber']}&courierCode=aramex"
        assert (await other.get(path)).status_code == 404
    async with api.client() as stranger:
        assert (await stranger.get("/api/couriers")).status_code == 401
