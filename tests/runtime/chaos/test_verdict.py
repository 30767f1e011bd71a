"""The judge of the chaos run finds what is wrong: each kind of damage, done by hand to a sound
picture, is told, and the sound picture is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.chaos.goods import START
from runtime.chaos.journal import Entry, Journal
from runtime.chaos.sight import Sight, spelled
from runtime.chaos.verdict import Verdict, verdict
from runtime.convergence import compare
from runtime.holdings import Holding, amount, catalogue_holding, records_of, shop_holding

ORG = "c1"
TEA, ORDER, PERSON, TEXT = (
    ("product", "TEA"), ("order", "order 4"), ("customer", "ann@example.com"), ("message", "Hello")
)  # fmt: skip
TOLD = f"{ORG}:order_status:x4:shipped"

ENTRIES = (
    ("mongodb", TEA, "name", "App name 1", 100),
    ("woocommerce", TEA, "name", "Shop name 2", 200),
    ("mongodb", TEA, "category", "Category 3", 300),
    ("mongodb", TEA, "stock", -2, 350),
    ("event", TEA, "stock", -1, 360),
    ("woocommerce", ORDER, "created", "processing", 400),
    ("mongodb", ORDER, "status", "shipped", 500),
    ("woocommerce", PERSON, "created", "ann@example.com", 600),
    ("mongodb", PERSON, "phone", "+94771234567", 700),
    ("whatsapp", TEXT, "created", "Hello", 800),
)


def journal(*more: tuple[str, tuple[str, str], str, Any, int]) -> Journal:
    rows = (*ENTRIES, *more)
    return Journal([Entry(n, *row[:4], row[4], row[4] + 5) for n, row in enumerate(rows)])


def stamped(source: str, **fields: Any) -> dict[str, Any]:
    return {name: [value, 1, source] for name, value in fields.items()}


def entities() -> list[dict[str, Any]]:
    at = {"mongodb": {"external_id": "p1"}, "woocommerce": {"external_id": "412"}}
    order_at = {"mongodb": {"external_id": "o1"}, "woocommerce": {"external_id": "1041"}}
    tea = stamped("woocommerce", name="Shop name 2", sku="TEA", price="100", status="active")
    tea |= stamped("merge", categories=["Category 3"])
    person = stamped("mongodb", email="ann@example.com", name="Ann Perera", phone="+94771234567")
    common = {"organization_id": ORG}
    return [
        {**common, "type": "product", "entity_id": "p1", "fields": tea, "replicas": at},
        {**common, "type": "inventory", "entity_id": "p1", "replicas": at,
         "fields": stamped("mongodb", sku="TEA", quantity=START - 5)},
        {**common, "type": "order", "entity_id": "x4", "replicas": order_at,
         "fields": stamped("mongodb", status="shipped", note="order 4")},
        {**common, "type": "customer", "entity_id": "c1", "fields": person, "replicas": {}},
        {**common, "type": "message", "entity_id": "m1", "replicas": {},
         "fields": stamped("whatsapp", body="Hello")},
    ]  # fmt: skip


def shop() -> dict[str, Any]:
    return {
        "products": [
            {"id": 412, "type": "simple", "sku": "TEA", "name": "Shop name 2", "status": "publish",
             "regular_price": "100.00", "manage_stock": True, "stock_quantity": START - 5}
        ],
        "variations": [],
        "orders": [{"id": 1041, "status": "processing", "customer_note": "order 4"}],
        "customers": [
            {"email": "ann@example.com", "first_name": "Ann", "last_name": "Perera",
             "billing": {"phone": "+94771234567"}}
        ],
    }  # fmt: skip


def mongodb(records: Any) -> Holding:
    held = Holding("mongodb")
    engine = records.holding.items["product", "TEA"]
    held.add(("product", "TEA"), dict(engine))
    held.add(("inventory", "TEA"), {"quantity": amount(START - 5)})
    held.add(("order", "x4"), {"status": "shipped"})
    return held


def sound() -> Sight:
    told = entities()
    records = records_of(told, ORG)
    held = shop()
    catalogue = {"TEA": {"title": "Shop name 2", "price": "100.00 LKR",
                         "quantity_to_sell_on_facebook": START - 5}}  # fmt: skip
    return Sight(
        records=records,
        entities=told,
        judgement=compare(
            records,
            mongodb(records),
            shop_holding(held, records.order_at("woocommerce")),
            catalogue_holding(catalogue),
        ),
        documents={
            "products": [{"sku": "TEA", "categories": ["Category 3"]}],
            "orders": [{"note": "order 4"}],
            "customers": [
                {"email": "ann@example.com", "name": "Ann Perera", "phone": "+94771234567"}
            ],
            "messages": [{"body": "Hello"}],
        },
        shop=held,
        # The shop's own log: its order took two.
        edits=[{"field": "stock_quantity", "id": 412, "from": START, "to": START - 2}],
        overwritten=[],
        catalogue=catalogue,
        messages=[{"biz_opaque_callback_data": TOLD}],
        effects=[],
        letters=[],
        heard={"App name 1", "Shop name 2"},
        at_ms=100_000,
    )


def kinds(found: Verdict) -> set[str]:
    return {one.kind for one in found.findings}


def test_a_sound_picture() -> None:
    found = verdict(journal(), sound())
    assert found.findings == []
    assert found.fates["superseded"] == 2, "the app's name, and the order's first status"
    assert found.fates["merged"] == 1


Damage = Callable[[Sight], None]


def _fields(sight: Sight, place: int) -> dict[str, Any]:
    return sight.entities[place]["fields"]  # type: ignore[no-any-return]


DAMAGE: dict[str, tuple[str, Damage]] = {
    "an edit that nobody heard of": ("lost", lambda s: s.heard.discard("App name 1")),
    "a value that nobody set": ("lost", lambda s: _fields(s, 0).update(name=["x", 1, "mongodb"])),
    "a winner with another's name": (
        "lost", lambda s: _fields(s, 0).update(name=["Shop name 2", 1, "mongodb"])),
    "an edit in the shop overwritten unseen": (
        "lost", lambda s: s.overwritten.append({"kind": "product", "id": 412, "field": "name"})),
    "an element of a merged list": ("lost", lambda s: s.documents["products"][0].clear()),
    "an element that nobody added": (
        "diverged", lambda s: s.documents["products"][0]["categories"].append("Category 9")),
    "a sale counted twice": ("stock", lambda s: s.edits.clear()),
    "an order twice": ("duplicate", lambda s: s.documents["orders"].append({"note": "order 4"})),
    "an order nowhere": ("lost", lambda s: s.documents["orders"].clear()),
    "an order copied twice": (
        "duplicate", lambda s: s.shop["orders"].append({"customer_note": "order 4"})),
    "an order that went back": (
        "lost", lambda s: _fields(s, 2).update(status=["processing", 1, "woocommerce"])),
    "a customer with two numbers": (
        "diverged", lambda s: s.documents["customers"][0].update(phone="+94770000000")),
    "a customer's message nowhere": ("lost", lambda s: s.documents["messages"].clear()),
    "a message sent twice": (
        "duplicate", lambda s: s.messages.append({"biz_opaque_callback_data": TOLD})),
    "a message not sent": ("lost", lambda s: s.messages.clear()),
    "a dead letter": (
        "dead", lambda s: s.letters.append({"topic": "inbound", "key": "k", "reason": "r"})),
    "messages in a queue": ("owed", lambda s: s.behind.update(inbound=3)),
    "a part that is away": ("owed", lambda s: s.away.append("kafka")),
    "a write that is out": ("owed", lambda s: setattr(s.records, "waiting", 1)),
    "a message owed": ("owed", lambda s: s.entities[2].update(effects={TOLD: {}})),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(name: str) -> None:
    kind, damage = DAMAGE[name]
    sight = sound()
    damage(sight)
    assert kind in kinds(verdict(journal(), sight))


def test_poison_must_be_parked_once_and_nothing_else_may_be() -> None:
    poisoned = {("inbound", "c1/poison/0")}
    letter = {"topic": "inbound", "key": "c1/poison/0", "reason": "r"}
    wanted: list[tuple[list[dict[str, str]], set[str]]] = [
        ([], {"owed"}),
        ([letter], set()),
        ([letter, letter], {"duplicate"}),
        ([letter, letter | {"key": "c1/product/7"}], {"dead"}),
    ]
    for letters, found in wanted:
        sight = sound()
        sight.letters += letters
        assert kinds(verdict(journal(), sight, poisoned)) == found


def test_a_message_in_doubt_is_parked_and_not_lost() -> None:
    sight = sound()
    sight.messages.clear()
    sight.entities[2]["effects"] = {TOLD: {}}
    sight.effects.append({"effectKey": TOLD, "state": "claimed", "claimedAtMs": 0})
    found = verdict(journal(), sight)
    assert found.findings == []
    assert found.unsettled == 1


def test_a_fresh_claim_is_still_owed() -> None:
    sight = sound()
    sight.entities[2]["effects"] = {TOLD: {}}
    sight.effects.append({"effectKey": TOLD, "state": "claimed", "claimedAtMs": sight.at_ms - 1})
    assert kinds(verdict(journal(), sight)) == {"owed"}


def test_an_older_edit_of_one_place_must_not_stand_over_its_newer() -> None:
    found = verdict(journal(("woocommerce", TEA, "name", "Shop name 9", 900)), sound())
    assert kinds(found) == {"lost"}


def test_a_contested_field_waits_for_a_person() -> None:
    sight = sound()
    sight.entities[0]["conflicts"] = {"name": {"id": "k"}}
    found = verdict(journal(), sight)
    assert found.findings == []
    assert found.fates["contested"] == 2


def test_an_edit_that_lost_to_a_much_older_one_is_counted() -> None:
    late = journal()
    moved = next(one for one in late.entries if one.value == "App name 1")
    late.entries.remove(moved)
    late.entries.append(Entry(99, "mongodb", TEA, "name", "App name 1", 60_000, 60_005))
    found = verdict(late, sound())
    assert found.findings == []
    assert found.fates["older won"] == 1


def test_what_is_deleted_stays_deleted() -> None:
    """And every other update of it is moot."""
    found = verdict(journal(("mongodb", TEA, "deleted", True, 900)), sound())
    assert kinds(found) == {"lost"}
    assert len(found.findings) == 2, "it is there, and in the catalogue"


@pytest.mark.parametrize(
    ("value", "text"), [("1950.00", "1950"), (1950, "1950"), (None, ""), ("Tea", "Tea")]
)
def test_values_are_compared_as_one_text(value: object, text: str) -> None:
    assert spelled(value) == text
