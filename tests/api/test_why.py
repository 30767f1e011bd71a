"""Why a value is what it is, told from what the engine itself decided and said."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as with_
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.standing import standing
from api.steps import name_orders, steps_of
from api.tellings import Teller, who
from api.why import Why, why
from connectors.protocol import Profile, TypeProfile
from schemas.feed import ConflictLine, FeedLine
from schemas.observation import Seen
from schemas.policy import Rule
from streams.sync.decide import Arrival
from streams.sync.decision import Decision
from support.engine import Engine, context

NOON = int(datetime(2026, 11, 22, 14, 2, 3, tzinfo=UTC).timestamp() * 1000)


@dataclass
class Told(Engine):
    """An engine whose words are kept, as the views keep them."""

    lines: list[FeedLine] = field(default_factory=list)
    conflicts: dict[str, ConflictLine] = field(default_factory=dict)
    orders: list[FeedLine] = field(default_factory=list)

    def take(self, arrival: Arrival) -> Decision:
        decision = super().take(arrival)
        self.lines += decision.feed
        self.conflicts |= {line.id: line for line in decision.conflicts}
        return decision

    def why(self, name: str, **more: Any) -> Why:
        steps = steps_of(self.lines, list(self.conflicts.values()), name)
        name_orders(steps, self.orders, "e", "TEA-400")
        return why(self.record, name, steps, self.lines, self.context, self.now, **more)

    def states(self, name: str) -> dict[str, str]:
        return {one.replica: one.state for one in self.why(name).replicas}


def stock() -> Told:
    """Both platforms hold 9."""
    engine = Told(context("inventory"), type="inventory", now=NOON - 60_000)
    engine.sees("mongodb", 1, quantity=9, sku="TEA-400")
    engine.sees("woocommerce", 1, quantity=9, sku="TEA-400")
    engine.settles()
    engine.now = NOON
    return engine


def test_seven_because_two_were_taken() -> None:
    engine = stock()
    engine.sees("woocommerce", 9, quantity=7, sku="TEA-400")
    found = engine.why("quantity")
    assert found.value == 7
    assert found.sentence == (
        "7 because WooCommerce took 2 off at 14:02:03 UTC (9 \u2212 2). "
        "Before: 9 because your app had it so when it was first seen at 14:01:03 UTC."
    )
    assert [step.kind for step in found.steps] == ["changed", "changed"]
    newest = found.steps[0]
    assert (newest.at, newest.source, newest.cause) == (
        "2026-11-22T14:02:03.000Z",
        "woocommerce",
        "s",
    )
    assert (newest.value, newest.previous) == (7, 9)


def test_the_write_that_is_out_and_what_became_of_it() -> None:
    engine = stock()
    engine.sees("woocommerce", 9, quantity=7, sku="TEA-400")
    (app, shop) = engine.why("quantity").replicas
    assert (app.replica, app.state, app.attempts, app.sees) == ("mongodb", "in flight", 1, 9)
    assert app.since == "2026-11-22T14:02:03.000Z"
    assert (shop.replica, shop.state, shop.sees) == ("woocommerce", "agreed", 7)
    operation = app.operation
    engine.now += 84
    engine.settles()
    assert engine.states("quantity") == {"mongodb": "agreed", "woocommerce": "agreed"}
    (delivery,) = engine.why("quantity").steps[0].deliveries
    assert (delivery.replica, delivery.result, delivery.latency_ms) == ("mongodb", "arrived", 84)
    assert delivery.operation == operation


def test_an_order_sold_it() -> None:
    engine = stock()
    engine.edits("order:wamid.7:TEA-400", deltas={"quantity": -2})
    assert engine.why("quantity").sentence.startswith(
        "7 because your app sold 2 at 14:02:03 UTC (9 \u2212 2)."
    )


def order(number: str, at_ms: int, **named: Any) -> FeedLine:
    items = [
        {"productId": "other", "sku": "X", "quantity": 2},
        {"productId": named.pop("item", "e"), "quantity": named.pop("quantity", 2)},
    ]
    return FeedLine(
        organization_id="o",
        type="order",
        entity_id=f"order-{number}",
        id=f"order/{number}/1/0",
        kind="changed",
        label=number,
        fields={"placedOn": named.pop("placed_on", "woocommerce"), "items": items},
        version=1,
        at_ms=at_ms,
    )


def test_the_order_behind_a_sale_is_named_once() -> None:
    engine = stock()
    engine.orders.append(order("2015", NOON + 700))
    engine.sees("woocommerce", 9, quantity=7, sku="TEA-400")
    engine.settles()
    engine.now += 5_000
    engine.sees("woocommerce", 99, quantity=5, sku="TEA-400")
    found = engine.why("quantity")
    assert [step.order_number for step in found.steps] == ["", "2015", ""]
    assert found.steps[1].order_id == "order-2015"
    assert found.steps[1].sentence == (
        "7 because WooCommerce sold 2 at 14:02:03 UTC (9 \u2212 2, order 2015)"
    )
    assert found.steps[0].sentence.startswith("5 because WooCommerce took 2 off")


@pytest.mark.parametrize(
    "other",
    [
        {"item": "e2"},
        {"quantity": 1},
        {"placed_on": "mongodb"},
        {"at_ms": NOON + 60_000},
    ],
)
def test_another_order_is_not_named(other: dict[str, Any]) -> None:
    engine = stock()
    engine.orders.append(order("2016", other.pop("at_ms", NOON), **other))
    engine.sees("woocommerce", 9, quantity=7, sku="TEA-400")
    assert engine.why("quantity").steps[0].order_number == ""


def test_a_rule_that_decided_is_named_with_both_sides() -> None:
    engine = Told(context("product", Rule(policy="local")), now=NOON)
    engine.sees("mongodb", 1, price="100")
    engine.sees("woocommerce", 1, price="100")
    engine.settles()
    engine.now += 500
    engine.edits("e1", fields={"price": "110"})
    engine.now += 500
    engine.sees("woocommerce", 9, price="120")
    found = engine.why("price")
    assert found.value == "110"
    newest = found.steps[0]
    assert (newest.kind, newest.source) == ("decided", "mongodb")
    assert newest.rule is not None
    assert (newest.rule.how, newest.rule.automatic) == ("local", True)
    assert newest.rule.candidates == {"mongodb": "110", "woocommerce": "120"}
    assert found.sentence.startswith("110.00 because two sides had changed it by 14:02:04 UTC ")
    assert "by your rule your app wins" in found.sentence


def test_a_person_is_asked_and_decides() -> None:
    engine = Told(context("product", Rule(policy="manual")), now=NOON)
    engine.sees("mongodb", 1, price="100")
    engine.sees("woocommerce", 1, price="90")
    held = engine.why("price")
    assert engine.states("price") == {"mongodb": "contested", "woocommerce": "contested"}
    assert held.sentence.startswith("WooCommerce says 90.00 where 100.00 stands: a person is asked")
    assert held.steps[0].rule is not None
    assert held.steps[0].rule.how == ""
    engine.now += 1000
    engine.resolves("remote")
    found = engine.why("price")
    assert found.value == "90"
    newest = found.steps[0]
    assert (newest.kind, newest.source, newest.previous) == ("resolved", "person:nimal", "100")
    assert newest.rule is not None
    assert (newest.rule.how, newest.rule.by) == ("remote", "nimal")
    assert found.sentence.startswith("90.00 because nimal decided so at 14:02:04 UTC")
    assert [step.kind for step in found.steps] == ["resolved", "held", "changed"]


def test_a_value_that_is_not_taken_says_why() -> None:
    engine = Told(context("product"), now=NOON)
    engine.sees("mongodb", 1, price="100")
    engine.sees("woocommerce", 1, price="100")
    engine.settles()
    engine.now += 500
    engine.edits("e1", fields={"price": "1"})
    mongodb, shop = engine.last.commands
    assert (mongodb.replica, shop.replica) == ("mongodb", "woocommerce")
    engine.answers("failed", reason="price below cost")
    one = next(one for one in engine.why("price").replicas if one.replica == "woocommerce")
    assert (one.state, one.reason) == ("rejected", "price below cost")


def test_refused_first_and_arrived_then() -> None:
    engine = Told(context("product"), now=NOON)
    engine.sees("mongodb", 1, price="100", name="Tea")
    engine.sees("woocommerce", 1, price="100", name="Tea")
    engine.settles()
    engine.sees("mongodb", 9, price="110", name="Tea")
    engine.now += 50
    seen = Seen(
        external_id="woocommerce-1",
        fields={"price": "100", "name": "Fine tea"},
        as_of=2,
        changed_at_ms=engine.now,
    )
    engine.answers("refused", seen, reason="holds another name")
    engine.now += 50
    engine.settles()
    step = next(step for step in engine.why("price").steps if step.value == "110")
    assert [(one.result, one.latency_ms) for one in step.deliveries] == [
        ("refused", None),
        ("arrived", 50),
    ]


def test_deleted_is_told_before_what_was() -> None:
    engine = Told(context("product"), now=NOON)
    engine.sees("mongodb", 1, price="100")
    engine.edits("d1", action="delete")
    found = engine.why("price")
    assert found.steps[0].kind == "deleted"
    assert found.sentence.startswith("Deleted by your app at 14:02:03 UTC. 100.00 because")


def test_without_history_the_stamp_tells() -> None:
    engine = stock()
    engine.lines.clear()
    assert engine.why("quantity").sentence == (
        "9 since 14:01:03 UTC, by your app; the history reaches back 30 days and holds no more "
        "of it."
    )


def limited(engine: Told, **more: Any) -> Told:
    """WooCommerce can do no more than this."""
    profiles = {**engine.context.profiles}
    profiles["woocommerce"] = Profile("woocommerce", {engine.type: TypeProfile(**more)})
    engine.context = with_(engine.context, profiles=profiles)
    return engine


def test_what_a_platform_cannot_hold() -> None:
    engine = stock()
    assert limited(engine).states("quantity")["woocommerce"] == "cannot hold"
    readable = frozenset({"quantity"})
    assert limited(engine, readable=readable).states("quantity")["woocommerce"] == "agreed"
    engine.edits("e1", deltas={"quantity": -1})
    assert limited(engine, readable=readable).states("quantity")["woocommerce"] == "cannot hold"


def test_nothing_is_owed_to_a_platform_without_the_item() -> None:
    engine = Told(context("product"), now=NOON)
    engine.sees("mongodb", 1, price="100")
    fields = frozenset({"price"})
    shop = {"readable": fields, "writable": fields}
    found = limited(engine, **shop)
    found.record.replicas.pop("woocommerce", None)
    assert found.states("price")["woocommerce"] == "cannot hold"
    found = limited(engine, creates=True, **shop)
    assert found.states("price")["woocommerce"] == "owed"


def test_paused_by_a_person_or_by_the_platform() -> None:
    engine = stock()
    engine.context = with_(engine.context, writable=frozenset({"mongodb"}))
    engine.edits("e1", deltas={"quantity": -1})
    assert engine.states("quantity")["woocommerce"] == "paused"
    record = engine.record
    all_on = with_(engine.context, writable=frozenset({"mongodb", "woocommerce"}))
    assert standing(record, all_on, "woocommerce", "quantity", NOON).state == "owed"
    record.replicas["woocommerce"].retry_at_ms = NOON + 5_000
    found = standing(record, all_on, "woocommerce", "quantity", NOON)
    assert (found.state, found.until_ms) == ("paused", NOON + 5_000)


@pytest.mark.parametrize(
    ("zone", "at_ms", "text"),
    [
        (UTC, NOON, "14:02:03 UTC"),
        (ZoneInfo("Asia/Colombo"), NOON, "19:32:03"),
        (UTC, NOON - 86_400_000, "14:02:03 UTC on 21 Nov"),
        (UTC, NOON - 365 * 86_400_000, "14:02:03 UTC on 22 Nov 2025"),
    ],
)
def test_times_by_the_clock_of_the_shop(zone: Any, at_ms: int, text: str) -> None:
    assert Teller("product", "price", NOON, zone).moment(at_ms) == text


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("mongodb", "your app"),
        ("woocommerce:2", "WooCommerce 2"),
        ("person:session", "you"),
        ("person:Nimal", "Nimal"),
        ("", "somebody"),
    ],
)
def test_who_did_it(source: str, word: str) -> None:
    assert who(source) == word
