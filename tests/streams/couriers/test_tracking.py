"""Parcels followed against a sandbox: what is told to the engine, the order and the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.couriers.mapping import parse
from connectors.couriers.model import Event, Tracking, tracked
from connectors.couriers.protocol import Pace
from connectors.protocol import Connection
from schemas.codec import encode
from schemas.observation import Observation
from schemas.topics import INBOUND
from streams.couriers.cod import Paid
from streams.couriers.lines import CourierLines
from streams.couriers.paces import NotNow, account_of
from streams.couriers.rhythm import PUSHED_SHORTEST_MS
from streams.couriers.shipments import Wanted
from streams.couriers.tracker import LANES, Account, Tracker
from streams.database import Database
from streams.sync.context import Context
from streams.sync.contexts import loader
from streams.sync.decide import decide, new_record
from streams.sync.record import Agreed, Record
from tests.streams.conftest import KafkaLog
from tests.streams.couriers.test_shipping import ORG, Desk
from tests.support.courier_bench import CourierBench, courier_bench

pytestmark = pytest.mark.servers

COD = {"cashOnDelivery": {"amount": "4500", "currency": "LKR"}}


@pytest.fixture
async def bench() -> AsyncIterator[CourierBench]:
    async with courier_bench() as opened:
        yield opened


@pytest.fixture
async def desk(fresh: Database, kafka: KafkaLog, bench: CourierBench) -> AsyncIterator[Desk]:
    made = Desk(fresh, kafka, bench)
    await bench.control.set_clock(freeze="2026-11-18T08:00:00")
    made.clock.ms = int(bench.world.clock.now() * 1000)
    yield made
    await made.lines.close()


async def later(desk: Desk, seconds: float) -> None:
    await desk.bench.control.set_clock(advance_s=seconds)
    desk.clock.ms += int(1000 * seconds)


async def asked(desk: Desk, seconds: float = 3600) -> None:
    """Time passes, and the tracker does what is due."""
    await later(desk, seconds)
    tracker = Tracker(
        desk.database,
        desk.directory,
        desk.parts.following,
        desk.lines,
        desk.parts.paces,
        clock_ms=desk.clock,
        sleep=lambda s: later(desk, s),
    )
    await tracker.look()
    for code in ("aramex", "dhl"):
        connection = await desk.directory.connection(ORG, f"courier:{code}")
        if connection is not None:
            name = account_of(connection)
            await desk.database["ss_paces"].update_one({"_id": name}, {"$set": {"leaseUntilMs": 0}})
            account = Account({ORG: connection})
            while await tracker.step(name, account) == 0:
                pass


async def shipped(desk: Desk, order_id: str = "SO-1") -> Wanted:
    await desk.connect("aramex")
    await keep_order(desk, order_id)
    return await desk.parts.shipper.ship(await desk.want("aramex", order_id, **COD))


async def keep_order(desk: Desk, order_id: str) -> None:
    """The engine's view knows this order."""
    record = Record(
        organization_id=ORG, type="order", entity_id=order_id,
        fields={"status": Agreed("processing", 1, "mongodb")},
    )  # fmt: skip
    row = {"_id": f"{ORG}/order/{order_id}", "record": encode(record)}
    await desk.database["ss_entities"].insert_one(row)


def edits(kafka: KafkaLog) -> list[dict[str, Any]]:
    """The order's, as published."""
    found = [msgspec.json.decode(one.value or b"{}") for one in kafka.records]
    return [one for one in found if one.get("type") == "order"]


async def test_a_parcel_moves_its_order_and_the_books(desk: Desk, kafka: KafkaLog) -> None:
    made = await shipped(desk)
    statuses = []
    for _ in range(4):
        await desk.bench.control.advance("aramex")
        await asked(desk)
        row = await desk.parts.following.of_shipment(ORG, made.id)
        assert row is not None
        statuses.append(row.status)
    assert statuses == ["picked_up", "in_transit", "out_for_delivery", "delivered"]
    told = [(edit["id"], edit["data"]) for edit in edits(kafka)]
    assert list(dict(told)) == [
        f"courier:{made.id}:{status}" for status in ("shipped", "out-for-delivery", "delivered")
    ]
    assert told[-1][1] == {"entityId": "SO-1", "status": "delivered"}
    assert edits(kafka)[-1]["source"] == "courier"
    # Delivered: the cash is collected, and nobody asks any more.
    calls = len(await desk.bench.control.courier_calls("aramex"))
    await asked(desk, 86_400)
    assert len(await desk.bench.control.courier_calls("aramex")) == calls
    (total,) = await desk.parts.cash.totals(ORG)
    assert (total["amounts"]["collected"], total["counts"]["collected"]) == ("4500", 1)


async def test_repeats_tell_nobody(desk: Desk, kafka: KafkaLog) -> None:
    made = await shipped(desk)
    await desk.bench.control.advance("aramex")
    await asked(desk)
    count = len(kafka.records)
    for _ in range(3):
        await asked(desk)
    assert len(kafka.records) == count
    row = await desk.parts.following.of_shipment(ORG, made.id)
    assert row is not None
    assert row.polled_ms == desk.clock.ms


async def test_the_engine_makes_the_document_and_never_goes_back(
    desk: Desk, kafka: KafkaLog
) -> None:
    """What is published, decided by the real engine in any order."""
    made = await shipped(desk)
    for _ in range(3):
        await desk.bench.control.advance("aramex")
        await asked(desk)
    sightings = [
        parse(one.value or b"").sightings[0]
        for one in kafka.records
        if one.topic is INBOUND and b"/shipment/" in one.key
    ]
    assert len(sightings) == 4
    context: Context = await loader(desk.directory)(ORG)
    for order in (sightings, sightings[::-1], sightings * 2):
        record: Record | None = None
        creates = []
        for place, sighting in enumerate(order):
            assert sighting.seen is not None
            arrival = Observation(
                organization_id=ORG, type="shipment", entity_id=made.id, id=f"t{place}",
                replica="courier:aramex", seen=sighting.seen, received_at_ms=desk.clock.ms,
            )  # fmt: skip
            decision = decide(record or new_record(arrival), arrival, context, desk.clock.ms)
            record = decision.record
            creates += [one for one in decision.commands if one.replica == "mongodb"]
        assert record is not None
        assert record.fields["status"].value == "out_for_delivery"
        assert record.fields["trackingNumber"].value == made.number
        assert record.fields["codAmount"].value == "4500"
        assert {one.replica for one in creates} == {"mongodb"}


async def test_a_courier_that_is_away_rests_the_account(desk: Desk) -> None:
    await shipped(desk)
    await desk.bench.control.courier_faults("aramex", {"status": 503, "html": True, "times": None})
    before = len(await desk.bench.control.courier_calls("aramex"))
    await asked(desk)
    assert len(await desk.bench.control.courier_calls("aramex")) == before + 1
    connection = await desk.directory.connection(ORG, "courier:aramex")
    assert connection is not None
    row = await desk.parts.paces.found(account_of(connection))
    trouble = row["troubles"]["tracking"]
    assert trouble["untilMs"] > desk.clock.ms - 1
    assert trouble["reason"]


async def test_a_days_calls_are_never_exceeded(desk: Desk) -> None:
    await desk.connect("dhl")
    connection = await desk.directory.connection(ORG, "courier:dhl")
    assert connection is not None
    client = await desk.lines.client(connection)
    pace, name = client.traits.pace, account_of(connection)
    assert pace.per_day == 250
    for _ in range(237):
        await desk.parts.paces.reserve(name, pace, tracking=True, patience_ms=10**9)
    with pytest.raises(NotNow) as used_up:
        await desk.parts.paces.reserve(name, pace, tracking=True, patience_ms=10**9)
    assert 0 < used_up.value.retry_after_s <= 86_400
    for _ in range(13):  # what is left is for people
        await desk.parts.paces.reserve(name, pace, patience_ms=10**9)
    with pytest.raises(NotNow, match="250"):
        await desk.parts.paces.reserve(name, pace, patience_ms=10**9)
    desk.clock.ms += 86_400_000
    slot = await desk.parts.paces.reserve(name, pace, patience_ms=10**9)
    assert slot.used == 1


async def test_a_payout_is_noted_once_and_differences_are_listed(desk: Desk) -> None:
    made = await shipped(desk)
    lines = [Paid(made.number, Decimal("4350.50")), Paid("5041999999", Decimal(100))]
    first = await desk.parts.cash.pay_out(ORG, "aramex", "ST-77", lines)
    again = await desk.parts.cash.pay_out(ORG, "aramex", "ST-77", lines)
    assert first == again
    assert (first.matched, first.unknown) == (1, ("5041999999",))
    assert first.differing == ({"number": made.number, "expected": "4500", "paid": "4350.5"},)
    assert first.partly == (made.number,)
    (total,) = await desk.parts.cash.totals(ORG, "aramex")
    assert (total["difference"], total["counts"]["paid"]) == ("-149.5", 1)
    rest = [Paid(made.number, Decimal("149.50"))]
    second = await desk.parts.cash.pay_out(ORG, "aramex", "ST-78", rest)
    assert (second.matched, second.partly, second.differing) == (1, (), ())
    # Paid in full: a third statement that names it is told so, and adds nothing.
    third = await desk.parts.cash.pay_out(ORG, "aramex", "ST-79", rest)
    assert (third.matched, third.again) == (0, (made.number,))
    (total,) = await desk.parts.cash.totals(ORG, "aramex")
    assert (total["difference"], total["counts"]["paid"]) == ("0", 1)


async def test_a_statement_may_tell_one_parcel_in_several_lines(desk: Desk) -> None:
    made = await shipped(desk)
    lines = [Paid(made.number, Decimal(4000)), Paid(made.number, Decimal(500))]
    found = await desk.parts.cash.pay_out(ORG, "aramex", "ST-1", lines)
    assert (found.matched, found.paid, found.differing) == (1, Decimal(4500), ())


async def test_two_statements_at_once_both_count(desk: Desk) -> None:
    made = await shipped(desk)
    parts = [Decimal(100 * place) for place in range(1, 9)]  # 3,600 in all
    found = await asyncio.gather(
        *(
            desk.parts.cash.pay_out(ORG, "aramex", f"ST-{amount}", [Paid(made.number, amount)])
            for amount in parts
        )
    )
    assert sum(one.matched for one in found) == len(parts)
    (total,) = await desk.parts.cash.totals(ORG, "aramex")
    assert total["difference"] == "-900"


async def test_a_pushed_parcel_moves_at_once_and_is_asked_for_less(
    desk: Desk, kafka: KafkaLog
) -> None:
    made = await shipped(desk)
    row = await desk.parts.following.of_shipment(ORG, made.id)
    assert row is not None
    scan = Event("aramex", row.number, desk.clock.ms, "SH003", "Out for Delivery", "Kandy",
                 "out_for_delivery")  # fmt: skip
    told = Tracking((tracked("aramex", row.number, [scan]),))
    for _ in range(2):
        await desk.parts.following.take(ORG, "courier:aramex", told)
    after = await desk.parts.following.of_shipment(ORG, made.id)
    assert after is not None
    assert (after.status, after.history.pushed) == ("out_for_delivery", True)
    assert after.due_ms >= desk.clock.ms + PUSHED_SHORTEST_MS
    assert [edit["data"]["status"] for edit in edits(kafka)] == ["out-for-delivery"]
    # Its news are asked for where the push does not tell them; a stranger's are nobody's.
    await desk.parts.following.take(ORG, "courier:aramex", Tracking(hints=(row.number, "999")))
    asked_for = await desk.parts.following.of_shipment(ORG, made.id)
    assert asked_for is not None
    assert (asked_for.due_ms, asked_for.status) == (0, "out_for_delivery")


async def test_several_questions_are_under_way_and_no_parcel_is_asked_for_twice(
    desk: Desk,
) -> None:
    """A courier that answers slowly is still asked as often as it allows."""
    await desk.connect("aramex")
    for place in range(6):
        made = await desk.parts.shipper.ship(await desk.want("aramex", f"SO-{place}"))
        assert made.state == "created"
    under_way = most = 0
    asked: list[tuple[str, ...]] = []
    enough = asyncio.Event()

    class Slow(CourierLines):
        async def client(self, connection: Connection) -> Any:
            client = await super().client(connection)
            client.traits = replace(client.traits, track_batch=1, pace=Pace(per_s=200.0))

            async def track(numbers: Any, _uses: Any = None) -> Tracking:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                asked.append(tuple(numbers))
                if len(asked) >= LANES:
                    enough.set()
                await enough.wait()
                under_way -= 1
                return Tracking()

            client.track = track  # type: ignore[method-assign, assignment]
            return client

    lines = Slow(desk.bench.transport)
    tracker = Tracker(
        desk.database, desk.directory, desk.parts.following, lines, desk.parts.paces,
    )  # fmt: skip
    running = asyncio.create_task(tracker.run())
    async with asyncio.timeout(20):
        await enough.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lines.close()
    assert most == LANES
    assert len(set(asked[:LANES])) == LANES
