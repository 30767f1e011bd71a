"""What would have come out differently, on a shop whose history is known."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.policy import Brakes, Policies, Rule
from streams.whatif.braking import Braking
from streams.whatif.compare import Result
from streams.whatif.job import details
from streams.whatif.run import NotACheckout, by_code, by_policies, run
from streams.whatif.window import Window
from support.rerun import BEGIN_MS, Shop

ROOT = Path(__file__).resolve().parents[3]
LOCAL = Policies(rules=(Rule(field="price", policy="local"),))
MANUAL = Policies(rules=(Rule(type="product", field="price", policy="manual"),))


async def small_history() -> Shop:
    """Two products on both sides. Tea's price is edited at the same time on both, and the shop's
    (newer) wins; Rice's too, but its price is changed again later by one side alone."""
    shop = Shop()
    for name in ("tea", "rice"):
        await shop.sees("mongodb", name, sku=name.upper(), name=name, price="10", status="active")
        await shop.sees("woocommerce", name, sku=name.upper(), name=name, price="10",
                        status="active")  # fmt: skip
    for name in ("tea", "rice"):
        await contested(shop, name)
    await shop.sees("mongodb", "rice", price="15")
    return shop


async def contested(shop: Shop, name: str) -> None:
    """Both sides set a price before either heard of the other."""
    shop.away = True
    await shop.sees("mongodb", name, price="11")
    shop.away = False
    await shop.sees("woocommerce", name, price="12")


@pytest.fixture
async def shop() -> Shop:
    return await small_history()


def window(shop: Shop, since_ms: int = BEGIN_MS) -> Window:
    return Window(shop.read, "kandy", since_ms, shop.now_ms + 1)


def prices(result: Result) -> list[tuple[str, Any, Any, bool]]:
    return [
        (one.entity_id, *one.fields["price"], one.lasting)
        for one in result.listed
        if "price" in one.fields
    ]


async def test_the_same_code_and_rules_come_to_the_same(shop: Shop) -> None:
    result = await run(window(shop), None)
    assert result.identical > 8
    assert (result.unlike, result.left_out) == (0, Counter())
    again = await run(window(shop), by_policies(Policies()))
    assert (again.differences, again.lasting) == (0, 0)
    assert again.decisions >= again.identical


async def test_other_rules(shop: Shop) -> None:
    assert shop.agreed("tea", "price") == "12"
    assert shop.agreed("rice", "price") == "15"
    result = await run(window(shop), by_policies(LOCAL))
    found = prices(result)
    assert ("tea", "12", "11", True) in found
    assert ("rice", "12", "11", False) in found  # changed since by somebody, so it is no matter
    assert result.lasting == 1
    assert result.commands["less"] > 0  # MongoDB would not have been written
    told = result.shown()["listed"][0]
    assert told["fields"]["price"]["then"] == "12"
    assert told["commandsLess"][0]["replica"] == "mongodb"


async def test_rules_that_ask_a_person(shop: Shop) -> None:
    result = await run(window(shop), by_policies(MANUAL))
    asked = [one for one in result.listed if one.asked]
    assert {one.entity_id for one in asked} == {"tea", "rice"}
    assert all(one.asked == ["price"] for one in asked)


async def test_other_brakes() -> None:
    """Ten times the price on eight items of one shop within a minute: with five allowed the sixth
    trips the brake, with three the fourth and, counted anew, the eighth."""
    shop = Shop()
    for price in ("10", "100"):
        for number in range(8):
            await shop.sees("woocommerce", f"p{number}", sku=f"S{number}", price=price)
    tried = Policies(brakes=Brakes(price_items=3, window_s=600))
    result = await run(window(shop), by_policies(tried), braking=Braking(tried))
    assert result.shown()["brakes"] == {
        "then": {"woocommerce price": 1},
        "now": {"woocommerce price": 2},
    }


async def test_a_window_begins_in_the_middle(shop: Shop) -> None:
    """Records from before it are what its first decisions start from."""
    whole = await run(window(shop), by_policies(LOCAL))
    first = min(one.at_ms for one in whole.listed)
    part = await run(window(shop, first), by_policies(LOCAL))
    assert prices(part) == prices(whole)
    assert part.decisions < whole.decisions
    assert part.left_out == Counter()


async def test_what_cannot_be_made_again_is_counted(shop: Shop) -> None:
    """An erased entity, a record of an earlier version without header, arrivals that are gone."""
    records = [n for n, one in enumerate(shop.events) if one.topic == "entities-changelog"]
    shop.events[records[-1]] = shop.events[records[-1]]._replace(erasure="e1")
    shop.events[records[0]] = shop.events[records[0]]._replace(headers=())
    result = await run(window(shop), None)
    assert result.left_out["personal data was erased"] >= 1
    assert result.left_out["made before decisions were kept"] == 1
    shop.events = [one for one in shop.events if one.topic != "observations"]
    result = await run(window(shop), None)
    assert result.left_out["what led to it is not kept any more"] > 5


async def test_another_version_of_the_code(shop: Shop, tmp_path: Path) -> None:
    """A checkout in which the older of two edits wins: its engine runs in a process of its own."""
    other = tmp_path / "other"
    for folder in ("schemas", "connectors", "streams"):
        shutil.copytree(ROOT / folder, other / folder,
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    policy = other / "streams" / "sync" / "policy.py"
    text = policy.read_text()
    assert "side = max(standing, challenger" in text
    policy.write_text(
        text.replace("side = max(standing, challenger", "side = min(standing, challenger")
    )
    async with by_code(other) as decide:
        result = await run(window(shop), decide)
    assert ("tea", "12", "11", True) in prices(result)
    assert result.unlike == 0
    async with by_code(ROOT) as decide:
        same = await run(window(shop), decide)
    assert (same.differences, same.left_out) == (0, Counter())
    with pytest.raises(NotACheckout):
        async with by_code(tmp_path) as decide:
            raise AssertionError("there is no code there")


def test_a_job_keeps_nothing_that_tells_who_somebody_is() -> None:
    result = Result()
    nothing = {"fields": {}, "asks": [], "deleted": False, "commands": [], "rejected": False}
    order = {"billing": {"name": "Nimal Perera"}, "status": "shipped"}
    then = {**nothing, "fields": order, "commands": [["write", "mongodb", order],
            ["perform", "whatsapp", {"to": "+94771234567", "name": "Nimal"}]]}  # fmt: skip
    result.take(b"kandy/order/1", BEGIN_MS, {"label": "1042"}, nothing, then, nothing)
    who = {**nothing, "fields": {"name": "Nimal Perera", "tags": ["vip"]}}
    told = {"label": "Nimal Perera"}
    result.take(b"kandy/customer/1", BEGIN_MS, told, nothing, who, nothing)
    kept = str(details(result))
    assert "Nimal" not in kept
    assert "94771234567" not in kept
    assert all(word in kept for word in ("billing", "shipped", "1042", "vip"))
