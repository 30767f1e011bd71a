"""Two hundred creations over a network that loses answers: never two labels for one order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from connectors.couriers.client import CourierClient
from connectors.couriers.registry import couriers
from connectors.errors import Retry, Unknown
from tests.connectors.couriers.conftest import Bench
from tests.connectors.couriers.test_journeys import opened, order

ORDERS = 200
LOOKED_UP = ("aramex", "dhl", "fedex", "ups")
LOST = {"drop": True, "probability": 0.2, "times": None}
"""Done, and the answer is lost."""
AWAY = {"status": 503, "probability": 0.1, "times": None}
"""Nothing is done, and nobody can know."""


async def shipped(client: CourierClient[Any], reference: str) -> str:
    """The number, or nothing where it is unknown: what the ledger of effects does."""
    shipment = order(client.courier.code, reference)
    if client.courier.code == "koombiyo":
        shipment = replace(shipment, preallocated_number=reference.removeprefix("SO-"))
    while True:
        try:
            return (await client.create([shipment])).created[0].number
        except Unknown:
            return await settled(client, reference)
        except Retry:
            continue  # it says itself that nothing was sent


async def settled(client: CourierClient[Any], reference: str) -> str:
    if "lookup" not in client.traits.operations:
        return ""
    for _ in range(50):
        try:
            found = await client.lookup(reference)
        except Retry:
            continue
        return found[0] if found else ""
    raise AssertionError("the courier never came back")


@pytest.mark.parametrize("code", couriers())
@pytest.mark.parametrize("faults", [[LOST], [LOST, AWAY]], ids=["lost", "lost or away"])
async def test_never_two_labels_for_one_order(
    bench: Bench, code: str, faults: list[dict[str, Any]]
) -> None:
    client = await opened(bench, code)
    await bench.control.change_courier(code, per_s=0, per_day=0)
    await bench.control.courier_faults(code, *faults)
    numbers = {}
    for place in range(ORDERS):
        reference = f"SO-{10_000 + place}"
        numbers[reference] = await shipped(client, reference)
        if place % 50 == 25:
            await bench.control.expire_tokens(code)
    held = await bench.control.shipments(code)
    assert max(Counter(one["reference"] for one in held).values()) == 1
    known = {reference: number for reference, number in numbers.items() if number}
    really = {one["reference"]: one["number"] for one in held}
    assert {reference: really[reference] for reference in known} == known
    if code in LOOKED_UP:
        # Whatever exists is known; with every order taken, nothing is unknown.
        assert known == really
        assert faults != [LOST] or len(known) == ORDERS
