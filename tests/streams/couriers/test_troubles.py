"""What people are told of a courier that is away, or takes our key no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.alerts.evaluate import Fact
from streams.alerts.facts import shop_facts
from streams.database import Database
from tests.streams.conftest import KafkaLog
from tests.streams.couriers.test_shipping import ORG, Desk
from tests.streams.couriers.test_tracking import asked, later, shipped
from tests.support.courier_bench import courier_bench

pytestmark = pytest.mark.servers

AWAY = {"status": 503, "html": True, "times": None}
REFUSES = {"status": 401, "times": None}


@pytest.fixture
async def desk(fresh: Database, kafka: KafkaLog) -> AsyncIterator[Desk]:
    async with courier_bench() as bench:
        made = Desk(fresh, kafka, bench)
        await bench.control.set_clock(freeze="2026-11-18T08:00:00")
        made.clock.ms = int(bench.world.clock.now() * 1000)
        yield made
        await made.lines.close()


async def told(desk: Desk) -> list[Fact]:
    facts = await shop_facts(desk.database, desk.directory, ORG, desk.clock.ms)
    return [one for one in facts if one.condition in ("token", "breaker")]


async def test_one_that_does_not_answer_is_told_of_until_it_does(desk: Desk) -> None:
    await shipped(desk)
    await desk.bench.control.courier_faults("aramex", AWAY)
    for expected in ([], [], ["breaker"]):
        await asked(desk)
        assert [one.condition for one in await told(desk)] == expected
    (fact,) = await told(desk)
    assert (fact.subject, fact.values["name"]) == ("courier:aramex", "Aramex")
    assert "503" in fact.values["reason"]
    await desk.bench.control.clear_courier_faults("aramex")
    await asked(desk)
    assert await told(desk) == []


async def test_one_that_finds_us_too_fast_is_no_news(desk: Desk) -> None:
    await shipped(desk)
    await desk.bench.control.courier_faults("aramex", {"status": 429, "times": None})
    for _ in range(4):
        await asked(desk)
    assert await told(desk) == []


async def test_a_refused_key_is_told_of_at_once_and_a_new_one_ends_it(desk: Desk) -> None:
    await shipped(desk)
    (integration,) = await desk.directory.integrations(ORG)
    wrong = {"password": "no-such-password"}
    await desk.directory.change(ORG, integration.id, secrets=wrong)
    await asked(desk)
    (fact,) = await told(desk)
    assert (fact.condition, fact.subject) == ("token", "courier:aramex")
    assert "no-such-password" not in repr(fact)
    right = {"password": "sandbox-password"}
    await desk.directory.change(ORG, integration.id, secrets=right)
    assert await told(desk) == []
    await asked(desk)
    assert await told(desk) == []


@pytest.mark.parametrize(
    ("fault", "tries", "condition"), [(REFUSES, 1, "token"), (AWAY, 3, "breaker")]
)
async def test_labels_that_are_not_made_are_told_of_too(
    desk: Desk, fault: dict[str, Any], tries: int, condition: str
) -> None:
    """Tracking goes on meanwhile: a courier may have a key for each."""
    await shipped(desk)
    await desk.bench.control.courier_faults(
        "aramex", {**fault, "method": "POST", "path": "CreateShipments"}
    )
    for place in range(tries):
        assert await told(desk) == []
        await desk.parts.shipper.ship(await desk.want("aramex", f"SO-{place + 10}"))
    await asked(desk, 60)
    assert [one.condition for one in await told(desk)] == [condition]
    await desk.bench.control.clear_courier_faults("aramex")
    await later(desk, 60)
    made = await desk.parts.shipper.ship(await desk.want("aramex", "SO-20"))
    assert made.state == "created"
    assert await told(desk) == []


async def test_an_order_that_is_refused_says_nothing_of_the_courier(desk: Desk) -> None:
    await shipped(desk)
    fault = {"code": "ERR52", "message": "Consignee city is invalid", "times": None}
    await desk.bench.control.courier_faults("aramex", fault)
    for place in range(4):
        made = await desk.parts.shipper.ship(await desk.want("aramex", f"SO-{place + 10}"))
        assert made.state == "refused"
    assert await told(desk) == []
