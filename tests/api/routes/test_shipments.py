"""Shipments from orders over HTTP: a batch with progress, labels, the manifest, cash, a return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from schemas.codec import encode
from streams.sync.record import Agreed, Record
from support.upkeep import do_jobs, runner_of
from tests.support.courier_bench import CourierBench, courier_bench

pytestmark = pytest.mark.servers

TO = {
    "name": "Nimali Perera", "phone": "+94771234567", "address1": "18 Temple Street",
    "city": "Kandy", "district": "Kandy", "postalCode": "20000",
}  # fmt: skip
DAY = "2099-01-01"


@pytest.fixture
async def bench() -> AsyncIterator[CourierBench]:
    async with courier_bench() as opened:
        yield opened


@pytest.fixture
async def http(api: Any, bench: CourierBench) -> AsyncIterator[httpx.AsyncClient]:
    async with api.client("kandy") as client:
        answer = await client.post("/api/couriers", json=await bench.account("aramex"))
        assert answer.status_code == 201
        yield client
    await api.services.couriers.close()


async def keep_order(api: Any, name: str, **fields: Any) -> None:
    values = {
        "number": name, "shipping": TO, "status": "processing", "total": "4500", "currency": "LKR",
        "payment": {"method": "cod", "status": "pending", "codAmount": "4500"},
        "items": [{"productId": f"tea-{name}", "sku": "TEA", "quantity": 2}], **fields,
    }  # fmt: skip
    held = {field: Agreed(value, 1, "mongodb") for field, value in values.items()}
    record = Record(organization_id="kandy", type="order", entity_id=f"o{name}", fields=held)
    await api.services.database["ss_entities"].insert_one(
        {
            "_id": f"kandy/order/o{name}",
            "organizationId": "kandy",
            "type": "order",
            "record": encode(record),
        }
    )


async def made(api: Any, http: httpx.AsyncClient, *names: str, **more: Any) -> dict[str, Any]:
    orders = (
        {"orders": [f"o{name}" for name in names]} if names[1:] else {"orderId": f"o{names[0]}"}
    )
    answer = await http.post("/api/shipments", json={"courierCode": "aramex", **orders, **more})
    assert answer.status_code == 202, answer.text
    await do_jobs(runner_of(api.services))
    found: dict[str, Any] = answer.json()
    return found


async def test_a_batch_of_orders(api: Any, http: httpx.AsyncClient, bench: CourierBench) -> None:
    for name in ("1", "2", "3"):
        await keep_order(api, name)
    await keep_order(api, "4", shipping={}, billing={})
    answer = await made(api, http, "1", "2", "3", "4")
    assert [one["orderId"] for one in answer["refused"]] == ["o4"]
    assert "no name, phone" in answer["refused"][0]["detail"]
    job = (await http.get(f"/api/jobs/{answer['job']['id']}")).json()
    assert (job["state"], job["done"], job["total"]) == ("done", 3, 3)
    assert job["details"] == {"created": 3}
    again = await made(api, http, "1", "2", "3")
    assert {one["id"] for one in again["shipments"]} == {one["id"] for one in answer["shipments"]}
    held = await bench.control.shipments("aramex")
    assert sorted(one["reference"] for one in held) == ["1", "2", "3"]
    cod = held[0]["details"]["Details"]["CashOnDeliveryAmount"]
    assert (cod["CurrencyCode"], float(cod["Value"])) == ("LKR", 4500)
    shipment = (await http.get(f"/api/shipments/{answer['shipments'][0]['id']}")).json()
    assert (shipment["state"], shipment["tracking"]["statusCode"]) == ("created", "created")
    label = await http.get(shipment["labels"][0])
    assert label.content.startswith(b"%PDF-")
    assert label.headers["x-content-type-options"] == "nosniff"


async def test_an_order_in_two_parcels(
    api: Any, http: httpx.AsyncClient, bench: CourierBench
) -> None:
    await keep_order(api, "7")
    await made(api, http, "7")
    await made(api, http, "7", parcel="2", package={"weight": 300, "weightUnit": "g"})
    held = await bench.control.shipments("aramex")
    assert sorted(one["reference"] for one in held) == ["7", "7-2"]
    listed = (await http.get("/api/shipments?orderId=o7")).json()["shipments"]
    assert {(one["parcel"], one["weightKg"]) for one in listed} == {("1", "1.2"), ("2", "0.3")}


async def test_the_manifest_of_a_day(api: Any, http: httpx.AsyncClient) -> None:
    await keep_order(api, "1")
    answer = await made(api, http, "1")
    shipment = (await http.get(f"/api/shipments/{answer['shipments'][0]['id']}")).json()
    day = shipment["shippedAt"][:10]
    page = await http.get(f"/api/shipments/manifest?date={day}&timeZone=UTC")
    assert page.headers["content-type"].startswith("text/html")
    assert shipment["trackingNumber"] in page.text
    assert "LKR 4500" in page.text
    table = await http.get(f"/api/shipments/manifest?date={day}&timeZone=UTC&format=csv")
    assert f"aramex,{shipment['trackingNumber']},1,1,1.2,Nimali Perera" in table.text
    empty = await http.get(f"/api/shipments/manifest?date={DAY}")
    assert "0 shipments" in empty.text
    assert (await http.get("/api/shipments/manifest?date=2026-13-40")).status_code == 422


async def test_cash_and_its_payout(api: Any, http: httpx.AsyncClient) -> None:
    await keep_order(api, "1")
    answer = await made(api, http, "1")
    shipment = (await http.get(f"/api/shipments/{answer['shipments'][0]['id']}")).json()
    (row,) = (await http.get("/api/cod?state=expected")).json()["shipments"]
    assert (row["expected"], row["currency"], row["state"]) == ("4500", "LKR", "expected")
    line = {"trackingNumber": shipment["trackingNumber"], "amount": "4400"}
    statement = {"courierCode": "aramex", "payoutId": "ST-1", "lines": [line]}
    noted = (await http.post("/api/cod/payouts", json=statement)).json()
    assert noted["differences"] == [
        {"number": shipment["trackingNumber"], "expected": "4500", "paid": "4400"}
    ]
    told = (await http.get("/api/cod?courier=aramex&differing=true")).json()
    assert told["totals"][0]["difference"] == "-100"
    assert told["shipments"][0]["difference"] == "-100"


async def test_a_returned_parcel_is_put_back_once(
    api: Any, http: httpx.AsyncClient, bench: CourierBench
) -> None:
    await keep_order(api, "1")
    answer = await made(api, http, "1")
    shipment_id = answer["shipments"][0]["id"]
    early = await http.post(f"/api/shipments/{shipment_id}/restock")
    assert early.status_code == 409
    number = (await http.get(f"/api/shipments/{shipment_id}")).json()["trackingNumber"]
    await bench.control.set_clock(advance_s=60)
    await bench.control.scan("aramex", number, "returned")
    tracked = await http.get(f"/api/courier/track?trackingNumber={number}")
    assert tracked.json()["statusCode"] == "returned"
    for _ in range(2):
        done = await http.post(f"/api/shipments/{shipment_id}/restock")
        assert done.status_code == 202, done.text
        (added,) = done.json()["restocked"]
        assert (added["entityId"], added["quantity"]) == ("tea-1", 2)
    events = [msgspec.json.decode(one.value) for one in api.sent.records]
    ids = [one["id"] for one in events if one.get("type") == "inventory"]
    assert ids == [f"restock:{shipment_id}:tea-1"] * 2  # the engine counts an id once
    (order,) = [one for one in events if one.get("type") == "order"]
    assert order["data"] == {"entityId": "o1", "status": "returned"}


async def test_what_is_asked_wrongly_is_said(api: Any, http: httpx.AsyncClient) -> None:
    await keep_order(api, "1")
    for body, says in (
        ({"courierCode": "aramex"}, "orderId"),
        ({"courierCode": "pigeon", "orderId": "o1"}, "not connected"),
        ({"courierCode": "aramex", "orderId": "nobody"}, "deliveryAddress"),
        ({"courierCode": "aramex", "orderId": "o1", "wieght": 1}, "wieght"),
    ):
        answer = await http.post("/api/shipments", json=body)
        assert answer.status_code in (404, 422)
        assert says in answer.text
