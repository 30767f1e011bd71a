"""A person takes an item from one entity and gives it to another."""

from __future__ import annotations

import pytest

from schemas.command import Delete, Read
from schemas.observation import FieldMark, Mark, Seen
from schemas.outcome import Relink
from streams.sync.decision import Decision
from support.engine import Engine, context


def relinks(engine: Engine, **more: object) -> Decision:
    return engine.take(
        Relink(**engine.entity, id="l", by="nimal", at_ms=engine.now, **more)  # type: ignore[arg-type]
    )


@pytest.fixture
def engine() -> Engine:
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.sees("woocommerce", 1, name="Tea", price="100")
    engine.settles()
    return engine


def test_an_item_given_away_is_forgotten_and_not_deleted(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", gives="woocommerce-1", gives_to="other", takes="9")
    assert not any(isinstance(command, Delete) for command in engine.last.commands)
    assert engine.record.tombstone is None


def test_what_is_taken_is_read_first(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", gives="woocommerce-1", gives_to="other", takes="9")
    (read,) = engine.last.commands
    assert isinstance(read, Read)
    assert read.external_id == "9"


def test_a_late_sighting_of_the_former_item_goes_where_it_belongs(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", gives="woocommerce-1", gives_to="other", takes="9")
    version = engine.record.version
    engine.sees("woocommerce", 50, name="Coffee", price="1")
    assert engine.last.forward_to == "other"
    assert engine.record.version == version


def test_a_second_item_on_one_platform_is_refused(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", takes="9")
    assert "give that one away first" in engine.last.rejected
    assert engine.record.replicas["woocommerce"].external_id == "woocommerce-1"


def test_taking_it_back(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", gives="woocommerce-1", gives_to="other", takes="9")
    relinks(engine, replica="woocommerce", gives="9", gives_to="other", takes="woocommerce-1")
    assert engine.record.former == {"woocommerce 9": "other"}


def test_the_double_is_deleted(engine: Engine) -> None:
    relinks(engine, replica="woocommerce", gives="woocommerce-1", gives_to="o2", delete=True)
    (command,) = engine.last.commands
    assert isinstance(command, Delete)
    assert command.replica == "mongodb"


def test_nothing_left_is_nothing_made(engine: Engine) -> None:
    lone = Engine(context("product"))
    lone.context = context("product", replicas=("woocommerce",))
    lone.sees("woocommerce", 1, name="Tea", price="100")
    lone.context = context("product")
    relinks(lone, replica="woocommerce", gives="woocommerce-1", gives_to="other")
    assert lone.last.commands == []


def test_stock_of_the_taken_item_asks(engine: Engine) -> None:
    stock = Engine(context("inventory"), "inventory")
    stock.sees("mongodb", 1, quantity=10)
    stock.sees("woocommerce", 1, quantity=10)
    stock.settles()
    relinks(stock, replica="woocommerce", gives="woocommerce-1", gives_to="other")
    relinks(stock, replica="woocommerce", takes="woocommerce-1")
    stock.answers(seen=seen_with_mark(7))
    assert stock.record.conflicts["quantity"].candidates == {"mongodb": 10, "woocommerce": 7}


def seen_with_mark(quantity: int) -> Seen:
    """The shop's item, with the mark of the entity that it was taken from."""
    mark = Mark(op=(9, 9), fields={"quantity": FieldMark(op=(9, 9), value=8, total=0)})
    return Seen(external_id="woocommerce-1", as_of=9, fields={"quantity": quantity}, mark=mark)
