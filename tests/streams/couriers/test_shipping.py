"""Two hundred shipments, answers lost, couriers away, processes killed: one label an order."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import pytest

from connectors.couriers.asked import ShipmentRequest
from schemas.topics import INBOUND
from streams.couriers.jobs import settle_due
from streams.couriers.lines import CourierLines
from streams.couriers.parts import CourierParts
from streams.couriers.shipments import Wanted
from streams.couriers.shipping import NotCancelled
from streams.database import Database
from streams.directory import Directory
from streams.kafka.records import Outgoing
from streams.keyring import Keyring
from streams.links import Links
from tests.streams.conftest import KafkaLog
from tests.support.courier_bench import CourierBench, courier_bench

pytestmark = pytest.mark.servers

ORG = "kandy"
ORDERS = 80
FAULTS = (
    {"drop": True, "probability": 0.2, "times": None},
    {"status": 503, "probability": 0.1, "times": None},
)
"""The answer is lost, and nothing was done while nobody can know."""
ROUND_MS = 70_000


class Clock:
    def __init__(self) -> None:
        self.ms = 1_795_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
async def bench() -> AsyncIterator[CourierBench]:
    async with courier_bench() as opened:
        yield opened


class Desk:
    """The parts, and a courier that is connected."""

    def __init__(
        self,
        fresh: Database,
        kafka: KafkaLog,
        bench: CourierBench,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.clock = Clock()
        self.kafka = kafka
        self.bench = bench
        self.directory = Directory(fresh, Keyring([b"k" * 32]))
        self.database = fresh
        self.lines = CourierLines(transport or bench.transport)
        self.parts = self.again()

    def again(self) -> CourierParts:
        """As after a restart."""
        return CourierParts.of(
            self.database, self.directory, self.kafka, Links(self.database), self.lines, self.clock
        )

    async def connect(self, code: str) -> None:
        given = await self.bench.account(code)
        await self.bench.control.change_courier(code, per_s=0, per_day=0)
        await self.directory.ensure_organization(ORG, "Kandy")
        settings = {"courier": code, **given["settings"]}
        await self.directory.connect(
            ORG, "courier", settings, given["secrets"], True, f"courier:{code}", first_sync="newest"
        )

    async def want(self, code: str, order_id: str, **more: Any) -> Wanted:
        address = {"name": "N", "phone": "+94771234567", "address": "1 A", "city": "Kandy"}
        request = ShipmentRequest.model_validate(
            {
                "pickupAddress": {**address, "postalCode": "00300"},
                "deliveryAddress": {**address, "postalCode": "20000", "state": "Kandy"},
                "package": {"weight": "1.2"},
                "orderId": order_id,
                "courierCode": code,
                **more,
            }
        )
        return await self.parts.shipments.want(ORG, order_id, "1", request)

    async def get(self, wanted: Wanted) -> Wanted:
        found = await self.parts.shipments.get(ORG, wanted.id)
        assert found is not None
        return found


@pytest.fixture
async def desk(fresh: Database, kafka: KafkaLog, bench: CourierBench) -> AsyncIterator[Desk]:
    made = Desk(fresh, kafka, bench)
    yield made
    await made.lines.close()


class Killed(BaseException):
    """The process ends here."""


class Deadly(httpx.AsyncBaseTransport):
    """A network in whose calls processes end: before the request is out, or before the answer is
    read."""

    def __init__(self, inner: httpx.AsyncBaseTransport, dice: Random) -> None:
        self._inner, self._dice = inner, dice
        self.share = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._dice.random() < self.share:
            raise Killed
        answer = await self._inner.handle_async_request(request)
        if self._dice.random() < self.share:
            raise Killed
        return answer


class DeadlyKafka(KafkaLog):
    """A process may end before it has published, and after."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice
        self.share = 0.0

    async def publish(self, *records: Outgoing) -> None:
        if self._dice.random() < self.share:
            raise Killed
        await super().publish(*records)
        if self._dice.random() < self.share:
            raise Killed


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("code", "looked_up"), [("aramex", True), ("ups", True), ("trans_express", False)]
)
async def test_never_two_labels_for_one_order(
    fresh: Database, bench: CourierBench, code: str, looked_up: bool
) -> None:
    dice = Random(code)
    network, kafka = Deadly(bench.transport, dice), DeadlyKafka(dice)
    desk = Desk(fresh, kafka, bench, network)
    await desk.connect(code)
    rows = [await desk.want(code, f"SO-{10_000 + place}") for place in range(ORDERS)]
    await desk.bench.control.courier_faults(code, *FAULTS)
    network.share = kafka.share = 0.1
    kills = 0
    for _ in range(600):
        desk.clock.ms += ROUND_MS
        for row in await desk.parts.shipments.due(desk.clock(), ORDERS):
            try:
                await desk.again().shipper.ship(row)
            except Killed:
                kills += 1
        if not await soon(desk):
            break
    await desk.lines.close()
    assert kills > ORDERS / 10
    states = Counter([(await desk.get(row)).state for row in rows])
    held = await desk.bench.control.shipments(code)
    references = Counter(one["reference"] for one in held)
    assert max(references.values()) == 1
    assert states["created"] + states["unknown"] == ORDERS
    known = {row.reference: row.number for row in [await desk.get(row) for row in rows]}
    really = {one["reference"]: one["number"] for one in held}
    assert {name: number for name, number in known.items() if number}.items() <= really.items()
    if looked_up:
        assert states["unknown"] == 0
        assert known == really


async def soon(desk: Desk) -> bool:
    """Whether anything is still to be looked at."""
    return bool(await desk.parts.shipments.due(desk.clock.ms + 40 * 60_000))


async def test_a_shipment_begins_as_an_entity_with_its_label(desk: Desk) -> None:
    await desk.connect("aramex")
    cod = {"cashOnDelivery": {"amount": "4500.50", "currency": "LKR"}}
    made = await desk.parts.shipper.ship(await desk.want("aramex", "SO-1", **cod))
    assert (made.state, made.labels) == ("created", 1)
    label = await desk.parts.shipments.label(ORG, made.id, 0)
    assert label is not None
    assert label.content.startswith(b"%PDF-")
    (record,) = desk.kafka.records
    assert record.topic is INBOUND
    assert record.key == f"{ORG}/courier:aramex/shipment/{made.number}".encode()
    place = (ORG, "courier:aramex", "shipment", made.number)
    assert await Links(desk.database).entity_id(*place) == made.id
    assert dict(made.cod) == {"amount": "4500.5", "currency": "LKR", "state": "expected"}
    again = await desk.again().shipper.ship(await desk.want("aramex", "SO-1", **cod))
    assert again.number == made.number
    assert len(await desk.bench.control.shipments("aramex")) == 1


async def test_what_is_refused_can_be_corrected(desk: Desk) -> None:
    await desk.connect("trans_express")
    refusal = {"status": 422, "code": "422", "message": "The city field is required."}
    await desk.bench.control.courier_faults("trans_express", refusal)
    refused = await desk.parts.shipper.ship(await desk.want("trans_express", "SO-1"))
    assert (refused.state, "city" in refused.reason) == ("refused", True)
    made = await desk.parts.shipper.ship(await desk.want("trans_express", "SO-1", note="at last"))
    assert (made.state, made.id) == ("created", refused.id)


async def test_a_paused_courier_is_waited_for(desk: Desk) -> None:
    await desk.connect("aramex")
    (held,) = await desk.directory.integrations(ORG)
    await desk.directory.change(ORG, held.id, active=False)
    waits = await desk.parts.shipper.ship(await desk.want("aramex", "SO-1"))
    assert (waits.state, "paused" in waits.reason) == ("waiting", True)
    await desk.directory.change(ORG, held.id, active=True)
    desk.clock.ms += 6_000
    assert await settle_due(desk.parts.shipper, desk.clock()) == 1
    assert (await desk.get(waits)).state == "created"


async def test_a_person_settles_what_nobody_can_ask(desk: Desk) -> None:
    await desk.connect("trans_express")
    await desk.bench.control.courier_faults("trans_express", {"drop": True}, {"status": 503})
    lost = await desk.parts.shipper.ship(await desk.want("trans_express", "SO-1"))
    never = await desk.parts.shipper.ship(await desk.want("trans_express", "SO-2"))
    assert (lost.state, never.state) == ("unknown", "unknown")
    assert f"/api/shipments/{lost.id}/settle" in lost.reason
    desk.clock.ms += 3_600_000
    assert await settle_due(desk.parts.shipper, desk.clock()) == 0
    (held,) = await desk.bench.control.shipments("trans_express")
    found = await desk.parts.shipper.settle(await desk.get(lost), held["number"])
    assert (found.state, found.number) == ("created", held["number"])
    made = await desk.parts.shipper.settle(await desk.get(never), "")
    assert made.state == "created"
    held_now = await desk.bench.control.shipments("trans_express")
    assert sorted(one["reference"] for one in held_now) == ["SO-1", "SO-2"]


async def test_cancelled_where_the_courier_allows(desk: Desk) -> None:
    await desk.connect("aramex")
    await desk.connect("ups")
    kept = await desk.parts.shipper.ship(await desk.want("aramex", "SO-1"))
    with pytest.raises(NotCancelled, match="cannot cancel"):
        await desk.parts.shipper.cancel(kept)
    made = await desk.parts.shipper.ship(await desk.want("ups", "SO-2"))
    assert (await desk.parts.shipper.cancel(made)).state == "cancelled"
    row = await desk.parts.following.of_shipment(ORG, made.id)
    assert row is not None
    assert (row.live, row.status) == (False, "cancelled")
    waits = await desk.want("ups", "SO-3")
    assert (await desk.parts.shipper.cancel(waits)).state == "cancelled"
    assert (await desk.parts.shipper.ship(await desk.get(waits))).state == "cancelled"
    assert len(await desk.bench.control.shipments("ups")) == 1
