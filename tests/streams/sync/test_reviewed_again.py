"""What the second reviewer found, each once a bug of the engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.command import Create, Delete, Read, Write
from schemas.observation import Seen
from schemas.outcome import Outcome, Relink
from schemas.policy import Rule
from support.engine import Engine, context


@pytest.fixture
def engine() -> Engine:
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.sees("woocommerce", 1, name="Tea", price="100")
    engine.settles()
    engine.now += 1_000
    return engine


def kept_while_a_delete_is_out(engine: Engine) -> Delete:
    """MongoDB deletes, the shop does not answer our Delete, the item is restored in MongoDB."""
    (delete,) = [c for c in engine.finds_gone("mongodb").commands if isinstance(c, Delete)]
    engine.sees("mongodb", 20, name="Tea", price="100")
    engine.answers(seen=Seen(external_id="mongodb-1", as_of=20, fields={"name": "Tea"}))
    assert engine.record.tombstone is None
    return delete


def test_a_late_missing_to_our_own_delete_is_nobodys_word(engine: Engine) -> None:
    delete = kept_while_a_delete_is_out(engine)
    late = Outcome(
        **engine.entity, replica="woocommerce", op=delete.op, result="missing", at_ms=engine.now
    )
    engine.take(late)
    assert engine.record.tombstone is None
    assert not any(isinstance(command, Delete) for command in engine.last.commands)


def test_a_delete_that_outlived_its_reason_is_not_sent_again(engine: Engine) -> None:
    kept_while_a_delete_is_out(engine)
    sent = [c for c in engine.ticks(60_000).commands if c.replica == "woocommerce"]
    (read,) = sent
    assert isinstance(read, Read)
    seen = Seen(external_id="woocommerce-1", as_of=1, fields={"name": "Tea"})
    engine.take(
        Outcome(
            **engine.entity,
            replica="woocommerce",
            ticket=read.ticket,
            result="taken",
            seen=seen,
            at_ms=engine.now,
        )
    )
    assert engine.record.replicas["woocommerce"].flight is None
    assert engine.record.replicas["woocommerce"].exists


def test_an_answer_about_an_item_that_was_given_away_is_dropped(engine: Engine) -> None:
    write = engine.sees("mongodb", 12, name="Tea", price="120").commands[-1]
    assert isinstance(write, Write)
    engine.take(
        Relink(
            **engine.entity,
            id="l",
            replica="woocommerce",
            gives="woocommerce-1",
            gives_to="other",
            by="nimal",
            at_ms=engine.now,
        )
    )
    seen = Seen(external_id="woocommerce-1", as_of=30, fields={"name": "Coffee", "price": "120"})
    engine.take(
        Outcome(
            **engine.entity,
            replica="woocommerce",
            op=write.op,
            result="taken",
            seen=seen,
            at_ms=engine.now,
        )
    )
    replica = engine.record.replicas.get("woocommerce")
    assert replica is None or replica.external_id != "woocommerce-1"
    assert engine.agreed("name") == "Tea"


def test_a_first_sight_of_a_contested_field_decides_nothing() -> None:
    three = ("mongodb", "woocommerce", "woocommerce:2")
    engine = Engine(context("product", Rule(field="price", policy="manual"), replicas=three))
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.sees("woocommerce", 1, name="Tea", price="100")
    engine.settles()
    engine.sees("mongodb", 12, name="Tea", price="110")
    engine.sees("woocommerce", 12, name="Tea", price="120")
    engine.sees("woocommerce:2", 1, name="Tea", price="99")
    assert engine.agreed("price") == "110"
    assert engine.record.conflicts["price"].candidates == {
        "mongodb": "110",
        "woocommerce": "120",
        "woocommerce:2": "99",
    }


@pytest.mark.parametrize(("value", "agreed"), [("12", 12), ("a lot", 10)])
def test_a_manual_value_is_one_that_the_field_can_have(value: str, agreed: int) -> None:
    engine = Engine(context("inventory"), "inventory")
    engine.context = context("inventory", replicas=("mongodb",))
    engine.sees("mongodb", 1, quantity=10)
    engine.context = context("inventory")
    engine.sees("woocommerce", 1, quantity=7)
    engine.resolves("manual", value)
    assert engine.agreed("quantity") == agreed
    assert ("quantity" in engine.record.conflicts) == (agreed == 10)


def written_only(engine: Engine) -> None:
    """A catalogue that is written and never read."""
    catalogue = replace(engine.context.profiles["whatsapp"], reads=False)
    profiles = {**engine.context.profiles, "whatsapp": catalogue}
    engine.context = replace(engine.context, profiles=profiles)


def test_what_a_catalogue_has_lost_is_made_anew() -> None:
    engine = Engine(context("product", replicas=("mongodb", "whatsapp")))
    written_only(engine)
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.settles()
    engine.sees("mongodb", 12, name="Tea", price="120")
    engine.answers("missing")
    (command,) = engine.ticks(10_000).commands
    assert isinstance(command, Create)


def test_what_a_catalogue_takes_is_not_made_twice() -> None:
    engine = Engine(context("product", replicas=("mongodb", "whatsapp")))
    written_only(engine)
    engine.context = replace(engine.context, writable=frozenset(("mongodb",)))
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.context = replace(engine.context, writable=frozenset(("mongodb", "whatsapp")))
    engine.take(
        Relink(**engine.entity, id="l", replica="whatsapp", takes="7", by="nimal", at_ms=engine.now)
    )
    (command,) = engine.last.commands
    assert isinstance(command, Write)
    assert command.external_id == "7"


def test_deletions_that_empty_a_catalogue_count() -> None:
    engine = Engine(context("product", replicas=("mongodb", "whatsapp")))
    written_only(engine)
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.settles()
    engine.finds_gone("mongodb")
    assert [alarm.kind for alarm in engine.last.alarms] == ["deletes"]


def test_a_create_that_lands_after_a_merge_is_a_second_item() -> None:
    engine = Engine(context("product"))
    create = engine.sees("mongodb", 1, name="Tea", price="100").commands[-1]
    assert isinstance(create, Create)
    engine.take(
        Relink(
            **engine.entity, id="l", replica="woocommerce", takes="7", by="nimal", at_ms=engine.now
        )
    )
    seen = Seen(external_id="8", as_of=5, fields={"name": "Tea", "price": "100"})
    engine.take(
        Outcome(
            **engine.entity,
            replica="woocommerce",
            op=create.op,
            result="taken",
            seen=seen,
            at_ms=engine.now,
        )
    )
    assert engine.record.replicas["woocommerce"].external_id == "7"
