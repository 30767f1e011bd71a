"""`/shipments` without a script: labels, what needs a person, cash, a courier's file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.pages.couriers import statement
from connectors.couriers.model import Event, Tracking, tracked
from connectors.couriers.registry import PROFILES
from streams.couriers.parts import CourierParts
from streams.links import Links
from tests.api.routes.test_shipments import keep_order
from tests.support.courier_bench import CourierBench, courier_bench
from tests.support.upkeep import do_jobs, runner_of

servers = pytest.mark.servers


def test_a_statement_as_it_is_copied() -> None:
    told, unread = statement(
        "Waybill, Amount\n5041000001 4,500.00\n5041000002;1200\n\nno amount 7x\n"
    )
    assert told == [
        {"trackingNumber": "5041000001", "amount": "4500.00"},
        {"trackingNumber": "5041000002", "amount": "1200"},
    ]
    assert unread == ["no amount 7x"]


@pytest.fixture
async def http(api: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with courier_bench() as bench, api.client("kandy") as client:
        await connect(client, bench)
        yield client
        await api.services.couriers.close()


async def connect(http: httpx.AsyncClient, bench: CourierBench) -> None:
    answer = await http.post("/api/couriers", json=await bench.account("aramex"))
    assert answer.status_code == 201, answer.text


async def shipped(api: Any, http: httpx.AsyncClient, *names: str) -> str:
    for name in names:
        await keep_order(api, name)
    orders = "\n".join(f"o{name}" for name in names)
    answer = await http.post("/shipments", data={"orders": orders, "courier": "aramex"})
    assert answer.status_code == 303, answer.text
    await do_jobs(runner_of(api.services))
    return str(answer.headers["location"])


def follow(api: Any) -> Any:
    use = api.services
    return CourierParts.of(
        use.database, use.directory, use.publisher, Links(use.database), use.couriers
    ).following


@servers
async def test_labels_are_made_listed_found_and_printed(api: Any, http: httpx.AsyncClient) -> None:
    place = await shipped(api, http, "1", "2")
    shown = await http.get(place)
    assert "2 of 2 orders" in shown.text
    assert shown.text.count('/label">') == 2
    listed = (await http.get("/api/shipments")).json()["shipments"]
    number = listed[0]["trackingNumber"]
    found = await http.get(f"/shipments?q={number}&state=created&status=created")
    assert found.text.count('/label">') == 1
    assert "Nothing fits" in (await http.get("/shipments?status=delivered")).text
    one = await http.get(f"/shipments/{listed[0]['id']}")
    assert number in one.text
    assert "Cancel this shipment" in one.text
    label = await http.get(listed[0]["labels"][0])
    assert label.content.startswith(b"%PDF-")
    assert label.headers["content-type"] == "application/pdf"


@servers
async def test_what_cannot_be_shipped_is_said_by_order(api: Any, http: httpx.AsyncClient) -> None:
    await keep_order(api, "1")
    await keep_order(api, "2", shipping={}, billing={})
    both = await http.post("/shipments", data={"orders": "o1, o2", "courier": "aramex"})
    assert "1 order cannot be shipped yet" in both.text
    assert "no name, phone, address, city" in both.text
    alone = await http.post("/shipments", data={"orders": "o2", "courier": "aramex"})
    assert alone.status_code == 422
    assert "no name, phone, address, city" in alone.text
    strange = await http.get("/shipments/nothing")
    assert strange.status_code == 404


@servers
async def test_an_unlisted_code_asks_for_attention(api: Any, http: httpx.AsyncClient) -> None:
    await shipped(api, http, "1")
    row = await api.services.database["ss_tracking"].find_one({"organizationId": "kandy"})
    number = row["number"]
    odd = Event("aramex", number, row["createdAtMs"] + 1000, "SH999", "Gone <b>fishing</b>")
    told = Tracking((tracked("aramex", number, [odd]),))
    await follow(api).take("kandy", "courier:aramex", told)
    shown = await http.get("/shipments")
    assert "Needs you" in shown.text
    assert "SH999" in shown.text
    assert "<b>fishing" not in shown.text
    (parcel,) = (await http.get("/api/shipments/attention")).json()["parcels"]
    assert (parcel["trackingNumber"], parcel["events"][0]["code"]) == (number, "SH999")


@servers
async def test_a_parcel_that_came_back_is_put_back_in_one_step(
    api: Any, http: httpx.AsyncClient
) -> None:
    await shipped(api, http, "1")
    row = await api.services.database["ss_tracking"].find_one({"organizationId": "kandy"})
    back = Event("aramex", row["number"], row["createdAtMs"] + 1000, "SH069", "Returned",
                 "", "returned")  # fmt: skip
    told = Tracking((tracked("aramex", row["number"], [back]),))
    await follow(api).take("kandy", "courier:aramex", told)
    page = await http.get(f"/shipments/{row['shipmentId']}")
    assert "Put back in stock" in page.text
    api.sent.records.clear()
    done = await http.post(f"/shipments/{row['shipmentId']}/restock")
    assert done.status_code == 303
    assert [b'"delta":2' in record.value for record in api.sent.records] == [True]


@servers
async def test_cash_is_settled_from_a_statement(api: Any, http: httpx.AsyncClient) -> None:
    await shipped(api, http, "1")
    (one,) = (await http.get("/api/shipments")).json()["shipments"]
    form = {"courier": "aramex", "payout": "ST-1", "lines": f"{one['trackingNumber']} 4,400.00"}
    noted = await http.post("/shipments/cod", data=form)
    assert "1 parcel of statement ST-1 is noted" in noted.text
    assert "-Rs\xa0100.00" in noted.text
    wrong = await http.post("/shipments/cod", data={**form, "lines": "x\nnothing here"})
    assert wrong.status_code == 422
    assert "nothing here" in wrong.text


@servers
async def test_a_couriers_file_is_tried_out(api: Any) -> None:
    text = (PROFILES / "koombiyo.profile.json").read_text()
    async with api.client("kandy") as client:
        right = await client.post("/shipments/profile", data={"profile": text})
        wrong = await client.post(
            "/shipments/profile", data={"profile": text.replace('"POST"', '"SEND"', 1)}
        )
    assert "is right" in right.text
    assert wrong.status_code == 422
    assert "Line " in wrong.text


@servers
async def test_strangers_cancel_nothing(api: Any) -> None:
    async with api.client() as client:
        assert (await client.post("/shipments/x/cancel")).status_code == 401
