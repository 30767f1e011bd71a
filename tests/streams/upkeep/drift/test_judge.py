"""What a sweep makes of one item: by what is held, believed and agreed."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.protocol import TypeProfile
from schemas.fields import EXISTENCE
from schemas.observation import Seen
from streams.sync.record import Agreed, Conflict, Flight, Record, Replica, Shadow, Tombstone
from streams.upkeep.drift.judge import Judged, gone, judge, lacking, leaf, unknown

FIELDS = frozenset(("name", "price", "quantity"))
PROFILE = TypeProfile(
    readable=FIELDS | {"categories"},
    writable=FIELDS,
    creates=True,
    deletes=True,
    required=frozenset(("name",)),
    normal=lambda field, value: value.strip() if field == "name" and value else value,
)
SHOP = "woocommerce"


def replica(**held: Any) -> Replica:
    shadow = {name: Shadow(value, value) for name, value in held.items()}
    return Replica(external_id="412", exists=True, shadow=shadow, as_of=5, etag="e1")


def record(shop: Replica, **agreed: Any) -> Record:
    fields = {name: Agreed(value, 1, "mongodb") for name, value in agreed.items()}
    return Record(
        organization_id="o", type="product", entity_id="p1", fields=fields, replicas={SHOP: shop}
    )


def seen(as_of: int = 5, **held: Any) -> Seen:
    return Seen(external_id="412", fields=held, as_of=as_of)


def flight() -> Flight:
    return Flight(
        op=(1, 1), kind="write", want={"price": "9"}, expected={}, totals={}, after=None,
        issued_at_ms=0, issued_clock=0, due_at_ms=0,
    )  # fmt: skip


def judged(found: Record, told: Seen | None = None, **more: Any) -> Judged:
    return judge(found, SHOP, PROFILE, told, **more)


def test_what_is_held_as_agreed_has_one_leaf() -> None:
    found = judged(record(replica(name="Tea", price="9"), name="Tea", price="9"))
    assert found.state == "same"
    assert found.ours == found.theirs == leaf("412", {"name": "Tea", "price": "9"})
    assert found.entity_id == "p1"


def test_what_stands_for_the_agreed_value_counts_as_it() -> None:
    """A shop that rewrites is not another content (rule 9): what is seen differs, not its sense."""
    shop = replica(price="9")
    shop.shadow["name"] = Shadow("<p>Tea</p>", "Tea")
    found = judged(record(shop, name="Tea", price="9"), seen(name="<p>Tea</p>", price="9"))
    assert found.state == "same"
    assert found.ours == found.theirs


def test_the_platforms_own_form_counts_as_the_value() -> None:
    found = judged(record(replica(name="Tea"), name="Tea "))
    assert (found.state, found.ours == found.theirs) == ("same", True)


def test_another_value_than_believed_is_drift() -> None:
    found = judged(
        record(replica(name="Tea", price="9"), name="Tea", price="9"), seen(name="Tea", price="7")
    )
    assert (found.state, found.fields) == ("drift", ("price",))
    assert found.theirs == leaf("412", {"name": "Tea", "price": "7"})


def test_drift_in_a_field_that_is_only_read_is_drift() -> None:
    shop = replica(name="Tea", categories=["Tea"])
    found = judged(record(shop, name="Tea"), seen(name="Tea", categories=["Drinks"]))
    assert (found.state, found.fields) == ("drift", ())


def test_what_is_not_told_says_nothing() -> None:
    found = judged(record(replica(name="Tea", price="9"), name="Tea", price="9"), seen(name="Tea"))
    assert found.state == "same"


def test_a_write_on_its_way_is_no_drift() -> None:
    shop = replica(price="7")
    shop.flight = flight()
    assert judged(record(shop, price="9"), seen(price="9")).state == "moving"
    assert judged(record(shop, price="9")).state == "moving", "not yet there, and believed so"


def test_what_was_read_before_we_learnt_more_is_no_drift() -> None:
    assert judged(record(replica(price="9"), price="9"), seen(as_of=4, price="7")).state == "moving"


def test_a_known_difference_is_owed_or_paused() -> None:
    found = record(replica(price="7"), price="9")
    assert (judged(found).state, judged(found).fields) == ("owed", ("price",))
    assert judged(found, writable=False).state == "paused"
    assert judged(found).ours != judged(found).theirs


def test_a_refused_value_is_told_as_such_until_it_changes() -> None:
    shop = replica(price="7")
    shop.rejected = {"price": "9"}
    assert judged(record(shop, price="9")).state == "refused"
    assert judged(record(shop, price="10")).state == "owed"


def test_a_contested_field_waits_for_a_person() -> None:
    found = record(replica(name="Tea", price="7"), name="Tea", price="9")
    found.conflicts = {"price": Conflict("c", {}, {}, "manual", 1)}
    assert judged(found).state == "asked"
    found.fields["name"] = Agreed("Coffee", 2, "mongodb")
    assert judged(found).state == "owed", "the other field does not wait"


def test_a_field_that_cannot_be_held_is_no_difference() -> None:
    shop = replica(name="Tea")
    shop.masked = ("quantity",)
    assert judged(record(shop, name="Tea", quantity=4)).state == "same"
    told = Seen(external_id="412", fields={"name": "Tea"}, as_of=5, masked=("price",))
    assert judged(record(replica(name="Tea"), name="Tea", price="9"), told).state == "same"


def test_an_empty_value_that_nobody_told_of_is_no_difference() -> None:
    assert judged(record(replica(name="Tea"), name="Tea", price=None)).state == "same"
    missing = judged(record(replica(name="Tea"), name="Tea", price="9"))
    assert (missing.state, missing.fields) == ("owed", ("price",))


def test_what_is_deleted_elsewhere_should_not_be_there() -> None:
    found = record(replica(name="Tea"), name="Tea")
    found.tombstone = Tombstone(1, "mongodb")
    assert (judged(found).state, judged(found).ours) == ("owed", b"")
    found.replicas[SHOP].rejected = {"-": True}
    assert judged(found).state == "refused"
    keeps = TypeProfile(readable=FIELDS, writable=FIELDS)
    kept = judge(found, SHOP, keeps, None)
    assert kept.state == "same", "orders stay where they are"
    assert kept.ours == kept.theirs != b""


def test_a_question_of_existence_waits_for_a_person() -> None:
    found = record(replica(name="Tea"), name="Tea")
    found.conflicts = {EXISTENCE: Conflict("c", {}, {}, "brake", 1)}
    assert judged(found).state == "asked"


def test_items_on_one_side_only() -> None:
    stranger = unknown("product", "9", seen(name="New", categories=[]), PROFILE)
    assert (stranger.state, stranger.ours) == ("unknown", b"")
    assert stranger.theirs == leaf("9", {"name": "New"})
    twin = unknown("product", "9", seen(), PROFILE, entity_id="p1", double=True)
    assert (twin.state, twin.entity_id) == ("double", "p1")
    lost = gone(record(replica(name="Tea"), name="Tea"), SHOP, PROFILE)
    assert (lost.state, lost.theirs) == ("gone", b"")
    assert lost.ours == leaf("412", {"name": "Tea"})


@pytest.mark.parametrize(
    ("shop", "state"),
    [
        (None, "owed"),
        (Replica(exists=False), "owed"),
        (Replica(flight=flight()), "moving"),
        (Replica(rejected={"name": "Tea", "price": "9"}), "refused"),
    ],
)
def test_an_entity_that_should_be_there(shop: Replica | None, state: str) -> None:
    found = record(Replica(), name="Tea", price="9")
    found.replicas = {} if shop is None else {SHOP: shop}
    missing = lacking(found, SHOP, PROFILE)
    assert missing is not None
    assert (missing.state, missing.external_id, missing.theirs) == (state, "", b"")
    paused = lacking(found, SHOP, PROFILE, writable=False)
    assert paused is not None
    assert paused.state == ("paused" if state == "owed" else state)


def test_an_entity_that_need_not_be_there() -> None:
    nameless = record(Replica(), price="9")
    assert lacking(nameless, SHOP, PROFILE) is None, "the shop wants a name"
    named = record(Replica(), name="Tea")
    assert lacking(named, SHOP, TypeProfile(writable=FIELDS)) is None, "nothing is made there"
    named.tombstone = Tombstone(1, "mongodb")
    assert lacking(named, SHOP, PROFILE) is None
    assert lacking(record(replica(name="Tea"), name="Tea"), SHOP, PROFILE) is None
