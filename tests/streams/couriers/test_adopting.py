"""Shipments that the merchant's own app wrote are followed like ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from schemas.codec import encode
from streams.couriers.adopting import Adopter, followable, row_of
from streams.couriers.cod import Paid
from streams.couriers.finding import find_order
from streams.couriers.shipping import NotCancelled
from streams.database import Database
from streams.entities import EntityViews
from streams.kafka.records import Incoming
from streams.sync.record import Agreed, Record, Replica
from tests.streams.conftest import KafkaLog
from tests.streams.couriers.test_shipping import ORG, Desk
from tests.support.courier_bench import courier_bench


def written(entity_id: str = "s1", *told_by: str, **fields: Any) -> Record:
    held = {"courierCode": "Aramex ", "trackingNumber": "5041000009", "orderId": "o1", **fields}
    return Record(
        organization_id=ORG, type="shipment", entity_id=entity_id,
        fields={name: Agreed(value, 1, "mongodb") for name, value in held.items()},
        replicas={name: Replica(external_id="x", exists=True) for name in ("mongodb", *told_by)},
    )  # fmt: skip


def test_what_can_be_followed() -> None:
    assert followable(written()) == ("aramex", "5041000009", "o1")
    assert followable(written(status="in_transit", orderId=None)) == ("aramex", "5041000009", "")
    # Followed already, at its end, or without a number.
    assert followable(written("s1", "courier:aramex")) is None
    assert followable(written(status="delivered")) is None
    assert followable(written(trackingNumber=None)) is None
    assert followable(written(courierCode=None)) is None


@pytest.mark.servers
async def test_an_order_is_found_by_its_number_or_a_platforms_id(fresh: Database) -> None:
    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    def order(entity_id: str, number: str, external_id: str) -> Incoming:
        record = Record(
            organization_id=ORG, type="order", entity_id=entity_id,
            fields={"number": Agreed(number, 1, "mongodb")},
            replicas={"woocommerce": Replica(external_id=external_id, exists=True)},
        )  # fmt: skip
        key = f"{ORG}/order/{entity_id}".encode()
        return Incoming("entities-changelog", 0, int(entity_id[1:]), 0, key, encode(record))

    views = EntityViews(fresh, "log/", park)
    await views.handle([order("o1", "SO-1042", "2001"), order("o2", "2001", "7"),
                        order("o3", "SO-7", "8"), order("o4", "SO-7", "9")])  # fmt: skip

    async def found(name: str) -> str | None:
        record = await find_order(fresh, ORG, name)
        return None if record is None else record.entity_id

    assert [await found(name) for name in ("o1", "SO-1042", "7")] == ["o1", "o1", "o2"]
    # Its own number before another's id; where several have one number nobody guesses.
    assert [await found(name) for name in ("2001", "SO-7", "SO-9")] == ["o2", None, None]


@pytest.fixture
async def desk(fresh: Database, kafka: KafkaLog) -> AsyncIterator[Desk]:
    async with courier_bench() as bench:
        made = Desk(fresh, kafka, bench)
        await made.connect("aramex")
        yield made
        await made.lines.close()


@pytest.mark.servers
async def test_it_is_followed_once_and_tells_no_status_of_its_own(
    desk: Desk, kafka: KafkaLog
) -> None:
    rows = desk.database["ss_entities"]
    for place, record in enumerate((written(), written("s2", courierCode="nobody"))):
        await rows.insert_one(
            {
                "_id": f"{ORG}/shipment/{record.entity_id}", "organizationId": ORG,
                "type": "shipment", "entityId": record.entity_id, "atMs": 1_000 + place,
                "record": encode(record),
            }
        )  # fmt: skip
    parts = desk.parts
    adopter = Adopter(desk.database, desk.directory, parts.following, parts.shipments)
    assert [await adopter.look(), await adopter.look()] == [1, 0]
    row = await desk.parts.following.of_shipment(ORG, "s1")
    assert row is not None
    assert (row.number, row.order_id, row.status, row.live) == ("5041000009", "o1", None, True)
    (told,) = [msgspec.json.decode(one.value or b"") for one in kafka.records]
    # What the app wrote, as it wrote it.
    assert told["fields"] == {"courierCode": "Aramex ", "trackingNumber": "5041000009"}
    # It is listed with ours, and only the app can take it back.
    (listed,) = await parts.shipments.newest(ORG)
    assert (listed.id, listed.state, listed.number, listed.ours) == (
        "s1", "created", "5041000009", False,
    )  # fmt: skip
    with pytest.raises(NotCancelled, match="Your own app"):
        await parts.shipper.cancel(listed)


@pytest.mark.servers
async def test_its_cash_is_in_the_books(desk: Desk) -> None:
    record = written(codAmount="4500.50", currency="LKR", recipientName="Nimal", orderNumber="A-7")
    await desk.parts.shipments.adopt(row_of(record, "aramex", "5041000009", None, 5))
    await desk.parts.shipments.adopt(row_of(record, "aramex", "another", None, 6))
    cash = desk.parts.cash
    (row,) = await cash.listed(ORG)
    assert (row["number"], row["orderName"]) == ("5041000009", "A-7")
    assert row["cod"] == {"amount": "4500.5", "currency": "LKR", "state": "expected"}
    await cash.moved(ORG, "s1", "delivered", 9)
    told = await cash.pay_out(ORG, "aramex", "P-1", [Paid("5041000009", Decimal("4500"))])
    assert told.differing == ({"number": "5041000009", "expected": "4500.5", "paid": "4500"},)


def test_what_is_collected_is_what_the_shipment_says_else_its_order() -> None:
    def order(**payment: str) -> Record:
        fields = {"payment": payment, "total": "900", "currency": "LKR", "number": "SO-1"}
        held = {name: Agreed(value, 1, "mongodb") for name, value in fields.items()}
        return Record(organization_id=ORG, type="order", entity_id="o1", fields=held)

    def cod(record: Record, of: Record | None) -> object:
        return row_of(record, "aramex", "1", of, 0).get("cod")

    due = {"amount": "900", "currency": "LKR", "state": "expected"}
    assert cod(written(), order(method="cod")) == due
    assert cod(written(codAmount="0"), order(method="cod")) is None
    assert cod(written(), order(method="card")) is None
    assert cod(written(), None) is None
    assert row_of(written(), "aramex", "1", order(method="card"), 0)["orderName"] == "SO-1"
