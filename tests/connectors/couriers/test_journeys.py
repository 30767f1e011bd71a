"""Each courier from a creation to the door, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.couriers.client import CourierClient
from connectors.couriers.errors import InvalidRequest, Unsupported
from connectors.couriers.labels import BadLabel
from connectors.couriers.model import Created
from connectors.couriers.registry import courier, couriers
from connectors.couriers.shipment import Shipment
from support.couriers import abroad, domestic
from tests.connectors.couriers.conftest import Bench

ABROAD = ("dhl", "fedex", "ups")
"""They collect no cash at the door."""
TRACKED = tuple(code for code in couriers() if code != "fde")
"""FDE tells where a parcel is by callback only."""
STAGES = ["created", "picked_up", "in_transit", "out_for_delivery", "delivered"]


def order(code: str, reference: str = "SO-1042") -> Shipment:
    if code in ABROAD:
        return abroad(reference)
    lookup = {"district_id": 11, "city_id": 864}
    return domestic(reference, preallocated_number="70012345", lookup=lookup)


async def ship(client: CourierClient[Any], reference: str = "SO-1042") -> Created:
    (created,) = (await client.create([order(client.courier.code, reference)])).created
    return created


async def opened(bench: Bench, code: str) -> CourierClient[Any]:
    return await bench.open(code, tracking="mydhl") if code == "dhl" else await bench.open(code)


@pytest.mark.parametrize("code", couriers())
async def test_a_creation_gives_a_number(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    created = await ship(client)
    (held,) = await bench.control.shipments(code)
    assert created.number == held["number"]
    assert created.reference == held["reference"] == "SO-1042"
    assert len(created.pieces) == (2 if code in ABROAD else 0)


@pytest.mark.parametrize("code", TRACKED)
async def test_a_parcel_goes_its_way(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    created = await ship(client)
    seen = []
    for _ in STAGES:
        (found,) = (await client.track([created.number])).found
        assert found.number == created.number
        seen.append(found.status)
        await bench.control.set_clock(advance_s=3600)
        await bench.control.advance(code)
    assert seen == STAGES
    (found,) = (await client.track([created.number])).found
    # MyDHL has no event for what was only announced; UPS tells each parcel's own.
    assert len(found.events) == {"dhl": 4, "ups": 10}.get(code, 5)
    answer = found.answer()
    assert (answer["status"], answer["statusCode"]) == ("Delivered", "delivered")


@pytest.mark.parametrize("code", ["aramex", "dhl", "fedex", "ups", "ceylinco"])
async def test_labels_can_be_printed(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    created = await ship(client)
    labels = await client.labels(created)
    assert {label.format for label in labels} == ({"gif"} if code == "ups" else {"pdf"})
    assert len(labels) == (2 if code in ABROAD else 1)
    assert [label.piece for label in labels] == ([1, 2] if code in ABROAD else [None])


async def test_aramex_labels_that_are_gone_are_printed_again(bench: Bench) -> None:
    client = await bench.open("aramex")
    created = await ship(client)
    await bench.control.set_clock(advance_s=7200)
    known = Created("aramex", created.number, created.reference)
    (label,) = await client.labels(known)
    assert label.content.startswith(b"%PDF-")


async def test_citypak_prints_by_its_own_id(bench: Bench) -> None:
    client = await bench.open("citypak")
    (label,) = await client.labels(await ship(client))
    assert label.format == "pdf"


@pytest.mark.parametrize("code", ["aramex", "dhl", "fedex", "ups", "ceylinco"])
async def test_a_bad_label_does_not_lose_the_number(bench: Bench, code: str) -> None:
    """Contract: a bad label must not lose the waybill number."""
    client = await opened(bench, code)
    if code == "aramex":
        client = bench.client(code, label_report="RPT")
    await bench.control.change_courier(code, label_fails=True)
    created = await ship(client)
    assert created.number
    assert created.labels == ()
    assert {notice.code for notice in created.notices} == {"LABEL"}


async def test_a_page_in_place_of_a_label_is_no_label(bench: Bench) -> None:
    client = await bench.open("citypak")
    created = await ship(client)
    page = {"status": 200, "html": True, "path": "waybills"}
    await bench.control.courier_faults("citypak", page)
    with pytest.raises(BadLabel):
        await client.labels(created)


@pytest.mark.parametrize("code", ["fedex", "ups"])
async def test_a_cancellation(bench: Bench, code: str) -> None:
    client = await bench.open(code)
    created = await ship(client)
    await client.cancel(created)
    (found,) = (await client.track([created.number])).found
    assert found.status == "cancelled"
    with pytest.raises(InvalidRequest):
        await client.cancel(created)


@pytest.mark.parametrize("code", ["aramex", "dhl", "koombiyo"])
async def test_what_cannot_be_cancelled_says_so(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    created = await ship(client)
    with pytest.raises(Unsupported, match="cannot cancel a shipment"):
        await client.cancel(created)


@pytest.mark.parametrize("code", ["aramex", "dhl", "fedex", "ups"])
async def test_a_reference_is_looked_up(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    assert await client.lookup("SO-1") == ()
    created = await ship(client, "SO-1")
    await ship(client, "SO-2")
    assert await client.lookup("SO-1") == (created.number,)


@pytest.mark.parametrize("code", TRACKED)
async def test_nobodys_number_is_not_found(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    answer = await client.track(["99999999999"])
    assert answer.not_found == ("99999999999",)
    assert (answer.found, answer.failed) == ((), ())


@pytest.mark.parametrize("code", couriers())
async def test_a_connection_can_be_tried(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    assert courier(code).name in await client.probe()
    assert await bench.control.shipments(code) == []


@pytest.mark.parametrize("code", TRACKED)
async def test_empty_events_and_null_descriptions(bench: Bench, code: str) -> None:
    """Koombiyo, SkyNet and Royal Express tell of no event as they tell of no shipment."""
    client = await opened(bench, code)
    created = await ship(client)
    await bench.control.advance(code)
    await bench.control.change_courier(code, null_descriptions=True)
    (found,) = (await client.track([created.number])).found
    assert "None" not in {event.text for event in found.events}
    await bench.control.change_courier(code, empty_events=True)
    answer = await client.track([created.number])
    if code in ("koombiyo", "skynet", "curfox"):
        assert answer.not_found == (created.number,)
    else:
        assert answer.found[0].events == ()
        assert answer.failed == ()


@pytest.mark.parametrize("code", ["aramex", "fedex"])
async def test_several_in_one_question(bench: Bench, code: str) -> None:
    """Some good, some not: each number has an outcome of its own."""
    client = await bench.open(code)
    numbers = [(await ship(client, f"SO-{n}")).number for n in range(3)]
    answer = await client.track([numbers[0], "99999999999", numbers[2]])
    assert [one.number for one in answer.found] == [numbers[0], numbers[2]]
    assert answer.not_found == ("99999999999",)


@pytest.mark.parametrize("code", [code for code in TRACKED if code != "koombiyo"])
async def test_an_attempt_that_failed_has_a_reason(bench: Bench, code: str) -> None:
    """Koombiyo's list of codes has none for it."""
    client = await opened(bench, code)
    created = await ship(client)
    await bench.control.set_clock(advance_s=60)
    await bench.control.scan(code, created.number, "failed", place="Kandy")
    (found,) = (await client.track([created.number])).found
    assert found.status == "exception"
    assert found.latest is not None
    assert found.latest.reason


@pytest.mark.parametrize("code", TRACKED)
async def test_a_late_event_does_not_turn_the_status_back(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    created = await ship(client)
    await bench.control.set_clock(advance_s=7200)
    await bench.control.scan(code, created.number, "out_for_delivery")
    await bench.control.scan(code, created.number, "in_transit", at="2026-02-04T09:00:00")
    (found,) = (await client.track([created.number])).found
    assert found.status == "out_for_delivery"
