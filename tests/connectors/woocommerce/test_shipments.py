"""Shipments as notes and meta data of their orders. Notes are those of the REST API's order notes:
`customer_note` false writes to nobody."""

from __future__ import annotations

from typing import Any

from connectors.woocommerce.shipments import words
from tests.connectors.woocommerce.conftest import Bench, Known, create, read, sample, write

ORDER = str(sample("order_created_cod")["id"])
LINKS = Known(order_o1=ORDER)
WANT = {"orderId": "o1", "courierCode": "koombiyo", "trackingNumber": "8821"}


async def order_of(bench: Bench) -> dict[str, Any]:
    orders = (await bench.control.dump_shop("shop"))["orders"]
    found: dict[str, Any] = next(order for order in orders if str(order["id"]) == ORDER)
    # The shop writes notes of its own.
    ours = [note for note in found["notes"] if note["note"].startswith("Shipment")]
    return {**found, "notes": ours}


def tracking(order: dict[str, Any]) -> Any:
    return {entry["key"]: entry["value"] for entry in order["meta_data"]}.get("smartstore_tracking")


async def test_a_shipment_is_a_note_once(bench: Bench) -> None:
    command = create("shipment", "s1", want=WANT)
    (made,) = await bench.client.apply([command], LINKS)
    assert (made.result, made.external_id) == ("taken", f"{ORDER}/s1")
    assert made.seen is not None
    assert made.seen.fields == {"courierCode": "koombiyo", "trackingNumber": "8821"}
    (again,) = await bench.client.apply([command], LINKS)
    assert again == made
    order = await order_of(bench)
    assert [note["note"] for note in order["notes"]] == ["Shipment koombiyo 8821: created"]
    assert not order["notes"][0]["customer_note"]
    assert tracking(order) == "Shipment koombiyo 8821: created"


async def test_how_far_it_is_is_told_and_others_stay(bench: Bench) -> None:
    other = {**WANT, "trackingNumber": "9000"}
    await bench.client.apply(
        [create("shipment", "s1", want=WANT), create("shipment", "s2", want=other)], LINKS
    )
    news = {"status": "out_for_delivery", "statusText": "Out for delivery"}
    on = write("shipment", f"{ORDER}/s1", op=(1, 2), after=(1, 1), want=news)
    (told,) = await bench.client.apply([on], LINKS)
    assert told.result == "taken"
    assert told.seen is not None
    assert told.seen.fields["status"] == "out_for_delivery"
    assert told.seen.mark is not None
    assert told.seen.mark.op == (1, 2)
    assert tracking(await order_of(bench)).splitlines() == [
        "Shipment koombiyo 8821: Out for delivery",
        "Shipment koombiyo 9000: created",
    ]
    (late,) = await bench.client.apply(
        [write("shipment", f"{ORDER}/s1", op=(1, 1), after=None, want={"status": "created"})], LINKS
    )
    assert late.result == "refused"


async def test_an_unanswered_note_is_not_written_twice(bench: Bench) -> None:
    fault = {"method": "PUT", "path": f"/orders/{ORDER}", "status": 502, "times": 1}
    await bench.control.faults("shop", requests=[fault])
    command = create("shipment", "s1", want=WANT)
    results = []
    for _ in range(2):
        try:
            results += [one.result for one in await bench.client.apply([command], LINKS)]
        except Exception as error:
            results.append(type(error).__name__)
    assert results == ["Retry", "taken"]
    assert len((await order_of(bench))["notes"]) == 1


async def test_a_shipment_waits_for_its_order_and_is_read_back(bench: Bench) -> None:
    (early,) = await bench.client.apply([create("shipment", "s1", want=WANT)], Known())
    assert (early.result, early.seen) == ("missing", None)
    (none,) = await bench.client.apply([read("shipment", f"{ORDER}/s1")], LINKS)
    assert none.result == "missing"
    tea, made = await bench.client.apply(
        [read("product", "412"), create("shipment", "s1", want=WANT)], LINKS
    )
    assert tea.seen is not None
    assert tea.seen.fields["sku"] == "TEA-BOPF-400"
    (held,) = await bench.client.apply([read("shipment", f"{ORDER}/s1")], LINKS)
    assert held.seen == made.seen


def test_words() -> None:
    assert words({"trackingNumber": "1Z", "status": "in_transit"}) == "Shipment 1Z: in transit"
