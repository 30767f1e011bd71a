"""What is written to items that are there: refunds and notes of orders, customers' addresses, the
members of a group, and parcels for the usual tracking plugins."""

from __future__ import annotations

from typing import Any

from connectors.errors import Retry
from connectors.woocommerce.extras import parcels_with
from connectors.woocommerce.mapping import seen_of
from connectors.woocommerce.profile import TYPES
from tests.connectors.woocommerce.conftest import Bench, Known, create, read, sample, write

NOBODY = Known()
ORDER = str(sample("order_created_cod")["id"])
CUSTOMER = str(sample("customer_created")["id"])
BROKEN = {"id": "RF-1", "reason": "Broken", "total": "450"}


def to_order(place: int, **more: Any) -> Any:
    return write("order", ORDER, op=(1, place), **more)


async def refunds_of(bench: Bench) -> list[tuple[str, str]]:
    shown = (await bench.control.order("shop", int(ORDER)))["refunds"]
    return [(one["reason"], one["total"]) for one in shown]


async def test_a_refund_of_the_app_is_entered_once(bench: Bench) -> None:
    command = to_order(1, want={"refunds": [BROKEN]}, expected={"refunds": []})
    for _ in range(2):
        (answer,) = await bench.client.apply([command], NOBODY)
        assert (answer.result, answer.reason) == ("taken", "")
    assert await refunds_of(bench) == [("Broken", "-450.00")]
    assert answer.seen is not None
    (told,) = answer.seen.fields["refunds"]
    assert (told["reason"], told["total"]) == ("Broken", "450")
    late = {"id": "RF-2", "reason": None, "total": "50"}
    again = to_order(2, after=(1, 1), want={"refunds": [told, late]}, expected={"refunds": [told]})
    (answer,) = await bench.client.apply([again], NOBODY)
    assert answer.result == "taken"
    assert sorted(await refunds_of(bench)) == [("", "-50.00"), ("Broken", "-450.00")]


async def test_an_unanswered_refund_is_not_entered_twice(bench: Bench) -> None:
    await bench.control.faults("shop", requests=[{"method": "POST", "drop": True}])
    command = to_order(1, want={"refunds": [BROKEN]}, expected={"refunds": []})
    results = []
    for _ in range(2):
        try:
            results += [one.result for one in await bench.client.apply([command], NOBODY)]
        except Retry:
            results.append("retry")
    assert results == ["retry", "taken"]
    assert await refunds_of(bench) == [("Broken", "-450.00")]


async def test_what_people_write_in_the_shop_is_told_and_nothing_else(
    bench: Bench, plugin: bool
) -> None:
    ours = [{"text": "Call before delivery"}]
    await bench.client.apply([to_order(1, want={"notes": ours}, expected={"notes": []})], NOBODY)
    await bench.control.write_note("shop", int(ORDER), "Leave it at the gate")
    await bench.control.write_note("shop", int(ORDER), "It is on its way", customer_note=True)
    (answer,) = await bench.client.apply([read("order", ORDER)], NOBODY)
    assert answer.seen is not None
    assert answer.seen.fields["notes"] == ours
    told = answer.seen.fields.get("staffNotes", [])
    if not plugin:
        assert told == []  # core shows notes by a call of each order's own
        return
    assert [(one["text"], one["toCustomer"]) for one in told] == [
        ("Leave it at the gate", False), ("It is on its way", True),
    ]  # fmt: skip
    assert {set(one) == {"text", "toCustomer", "by", "at"} for one in told} == {True}
    [listed] = await bench.client.read("order", [ORDER])
    assert b"Leave it at the gate" in listed.body


async def test_more_than_what_is_left_is_not_refunded(bench: Bench) -> None:
    much = {"id": "RF-9", "reason": "All and more", "total": "9999999"}
    command = to_order(1, want={"refunds": [much]}, expected={"refunds": []})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert answer.result == "failed"
    assert "more than what is left" in answer.reason
    assert await refunds_of(bench) == []


async def test_a_refund_that_the_shop_made_meanwhile_is_seen_first(bench: Bench) -> None:
    body = {"amount": "100.00", "reason": "Late", "api_refund": False}
    await bench.client._rest.send(  # noqa: SLF001 - as its keeper would
        "POST", f"/wp-json/wc/v3/orders/{ORDER}/refunds", body=body
    )
    command = to_order(1, want={"refunds": [BROKEN]}, expected={"refunds": []})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("refused", "expected")
    assert await refunds_of(bench) == [("Late", "-100.00")]
    assert answer.seen is not None
    assert [one["reason"] for one in answer.seen.fields["refunds"]] == ["Late"]


async def test_notes_are_written_once_and_told_again(bench: Bench) -> None:
    want = {"notes": ["Call before delivery", {"text": "Packed", "toCustomer": True}]}
    told = [{"text": "Call before delivery"}, {"text": "Packed", "toCustomer": True}]
    assert TYPES["order"].normal("notes", want["notes"]) == told
    assert TYPES["order"].normal("notes", "Ring twice") == [{"text": "Ring twice"}]
    assert TYPES["order"].normal("notes", None) == []
    for place in (1, 2):
        after = (1, 1) if place == 2 else None
        (answer,) = await bench.client.apply([to_order(place, after=after, want=want)], NOBODY)
        assert (answer.result, answer.reason) == ("taken", "")
        assert answer.seen is not None
        assert answer.seen.fields["notes"] == told
    orders = (await bench.control.dump_shop("shop"))["orders"]
    notes = next(one for one in orders if str(one["id"]) == ORDER)["notes"]
    ours = sorted(
        (note["note"], note["customer_note"])
        for note in notes
        if note["note"] in ("Call before delivery", "Packed")
    )
    assert ours == [("Call before delivery", False), ("Packed", True)]


async def test_what_the_customer_wants_said_is_changed(bench: Bench) -> None:
    before = sample("order_created_cod")["customer_note"] or None
    command = to_order(1, want={"note": "Ring twice"}, expected={"note": before})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert (await bench.control.order("shop", int(ORDER)))["customer_note"] == "Ring twice"


async def test_a_customer_moves(bench: Bench) -> None:
    (first,) = await bench.client.apply([read("customer", CUSTOMER)], NOBODY)
    assert first.seen is not None
    held = {name: first.seen.fields[name] for name in ("phone", "addresses")}
    new = {"name": "Kasun Silva", "address1": "7 Temple Road", "city": "Kandy", "country": "LK"}
    want = {"phone": "+94715550001", "addresses": [{**new, "label": "home"}]}
    command = write("customer", CUSTOMER, expected=held, want=want)
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    assert answer.seen.fields["phone"] == "+94715550001"
    bills, goods = answer.seen.fields["addresses"]
    assert {name: bills[name] for name in new} == new
    assert goods == new
    assert bills["phone"] == "+94715550001"
    # What a later phone call changes leaves the address, and its mark, as they are.
    call = {"phone": "+94715550002"}
    command = write(
        "customer", CUSTOMER, op=(1, 2), after=(1, 1), want=call,
        expected={"phone": "+94715550001"},
    )  # fmt: skip
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    assert [one["city"] for one in answer.seen.fields["addresses"]] == ["Kandy", "Kandy"]
    assert answer.seen.mark is not None
    marked = answer.seen.mark.fields["addresses"]
    assert [one["city"] for one in marked.wanted] == ["Kandy", "Kandy"]


async def test_a_group_is_told_of_by_our_ids(bench: Bench) -> None:
    want = {"name": "Tea and saree", "productType": "grouped", "groupedProducts": ["p1", "p2"]}
    (early,) = await bench.client.apply(
        [create("product", "g1", want=want)], Known(product_p1="412")
    )
    assert early.result == "retry"
    assert "p2" in early.reason
    links = Known(product_p1="412", product_p2="430")
    (made,) = await bench.client.apply([create("product", "g1", want=want)], links)
    assert (made.result, made.reason) == ("taken", "")
    number = made.external_id or ""
    assert (await bench.product(int(number)))["grouped_products"] == [412, 430]
    assert made.seen is not None
    assert made.seen.fields["groupedProducts"] == ["412", "430"]
    fewer = write(
        "product", number, entity_id="g1", op=(1, 2), after=(1, 1),
        want={"groupedProducts": ["p2"]}, expected={"groupedProducts": ["412", "430"]},
    )  # fmt: skip
    (answer,) = await bench.client.apply([fewer], links)
    assert answer.result == "taken"
    assert (await bench.product(int(number)))["grouped_products"] == [430]


async def test_parcels_that_the_shop_sends_are_told_and_ours_are_added(bench: Bench) -> None:
    entered = {
        "tracking_provider": "dhl", "custom_tracking_provider": "", "tracking_number": "JD01",
        "custom_tracking_link": "https://track.example/JD01", "date_shipped": "1784505600",
        "tracking_id": "a1b2",
    }  # fmt: skip
    body = {"meta_data": [{"key": "_wc_shipment_tracking_items", "value": [entered]}]}
    await bench.client._rest.send(  # noqa: SLF001 - as the tracking plugin would
        "PUT", f"/wp-json/wc/v3/orders/{ORDER}", body=body
    )
    want = {"orderId": "o1", "courierCode": "koombiyo", "trackingNumber": "8821"}
    links = Known(order_o1=ORDER)
    command = create("shipment", "s1", want=want, issued_at_ms=1_784_592_000_000)
    (made,) = await bench.client.apply([command], links)
    assert made.result == "taken"
    order = await bench.control.order("shop", int(ORDER))
    held = {one["key"]: one["value"] for one in order["meta_data"]}
    theirs, ours = held["_wc_shipment_tracking_items"]
    assert theirs == entered
    assert (ours["custom_tracking_provider"], ours["tracking_number"]) == ("koombiyo", "8821")
    assert ours["date_shipped"] == "1784592000"
    assert seen_of("order", ORDER, order).fields["parcels"] == [
        {"carrier": "dhl", "number": "JD01", "url": "https://track.example/JD01",
         "shippedAt": "2026-07-20T00:00:00.000Z"}
    ]  # fmt: skip


def test_a_parcel_that_is_cancelled_goes() -> None:
    values = {"courierCode": "koombiyo", "trackingNumber": "8821"}
    held = parcels_with(None, "s1", values, 1)
    assert parcels_with(held, "s1", {**values, "trackingNumber": "9"}, 5)[0]["date_shipped"] == "1"
    assert parcels_with(held, "s1", None, 9) == []
