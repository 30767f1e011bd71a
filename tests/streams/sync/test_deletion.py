"""Deletions against edits: nothing old comes back, nothing new is lost unasked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.command import Create, Delete, Read
from schemas.observation import FieldMark, Mark, Seen
from schemas.outcome import Outcome
from streams.sync.brakes import Recall
from support.engine import T0, Engine, context


@pytest.fixture
def engine() -> Engine:
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, name="Tea", price="100")
    engine.sees("woocommerce", 1, name="Tea", price="100")
    engine.settles()
    engine.now += 1_000
    return engine


def test_a_deletion_follows(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    assert isinstance(engine.last.commands[-1], Delete)
    assert engine.last.commands[-1].replica == "mongodb"


def test_an_edit_that_the_deleter_had_not_seen_asks_a_person(engine: Engine) -> None:
    engine.sees("mongodb", 12, name="Tea", price="120")
    engine.answers("missing")  # the write of 120 finds no item
    assert engine.record.conflicts["existence"].candidates == {
        "mongodb": "kept",
        "woocommerce": "deleted",
    }
    assert engine.record.tombstone is None
    assert engine.owed() == {}


def test_an_edit_seen_after_the_deletion_asks_a_person(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    engine.now += 10
    engine.sees("mongodb", 12, name="Tea", price="120")
    assert "existence" in engine.record.conflicts


class TestAsked:
    @pytest.fixture
    def asked(self, engine: Engine) -> Engine:
        engine.sees("mongodb", 12, name="Tea", price="120")
        engine.answers("missing")
        return engine

    def test_deleted_goes_everywhere(self, asked: Engine) -> None:
        asked.resolves("keep", side="woocommerce")
        assert isinstance(asked.last.commands[-1], Delete)

    def test_kept_is_made_again(self, asked: Engine) -> None:
        asked.resolves("keep", side="mongodb")
        command = asked.last.commands[-1]
        assert isinstance(command, Create)
        assert command.replica == "woocommerce"
        assert command.want["price"] == "120"

    def test_gone_on_all_sides_needs_nobody(self, asked: Engine) -> None:
        asked.finds_gone("mongodb")
        assert asked.record.conflicts == {}
        assert asked.record.tombstone is not None

    def test_restored_needs_nobody(self, asked: Engine) -> None:
        asked.sees("woocommerce", 20, name="Tea", price="100")
        held = {"name": "Tea", "price": "100"}
        asked.answers(seen=Seen(external_id="woocommerce-1", as_of=20, fields=held))
        assert asked.record.conflicts == {}
        assert asked.record.tombstone is None

    def test_undo_asks_again(self, asked: Engine) -> None:
        asked.resolves("keep", side="woocommerce")
        asked.undoes(asked.last.conflicts[-1])
        assert asked.record.tombstone is None
        assert "existence" in asked.record.conflicts


class TestNoticeAndRead:
    """A notice of deletion, and what arrives before the item was read because of it."""

    HELD = Seen(external_id="woocommerce-1", as_of=1, fields={"name": "Tea", "price": "100"})

    def reads(self, engine: Engine) -> Read:
        (read,) = [c for c in engine.last.commands if c.replica == "woocommerce"]
        assert isinstance(read, Read)
        return read

    def test_a_read_asked_for_before_the_notice_settles_nothing(self, engine: Engine) -> None:
        engine.forced()
        read = self.reads(engine)
        engine.gone("woocommerce")
        assert engine.last.commands == []  # one read at a time
        engine.answers(seen=self.HELD, to=read)
        engine.answers("missing", to=self.reads(engine))
        assert engine.record.tombstone is not None

    def test_news_from_before_the_deletion_that_come_after_it(self, engine: Engine) -> None:
        engine.gone("woocommerce")
        read = self.reads(engine)
        engine.sees("woocommerce", 5, name="Tea", price="105")
        engine.answers("missing", to=read)
        engine.answers("missing", to=self.reads(engine))
        assert not engine.record.replicas["woocommerce"].exists
        assert engine.record.tombstone is not None

    def test_a_notice_while_a_write_is_out(self, engine: Engine) -> None:
        engine.sees("mongodb", 12, name="Tea", price="120")
        write = engine.last.commands[-1]
        engine.gone("woocommerce")
        assert engine.last.commands == []
        landed = FieldMark(op=write.op, value="120")
        engine.sees("woocommerce", 5, Mark(op=write.op, fields={"price": landed}), price="120")
        engine.answers("missing", to=self.reads(engine))
        assert not engine.record.replicas["woocommerce"].exists

    def test_an_answer_to_a_read_is_lost_with_its_asker(self, engine: Engine) -> None:
        engine.gone("woocommerce")
        read = self.reads(engine)
        engine.sees("woocommerce", 5, name="Tea", price="105")
        engine.context = replace(engine.context, epoch=engine.context.epoch + 1)
        engine.answers("missing", to=read)
        assert self.reads(engine).ticket > read.ticket


def test_an_edit_within_the_second_of_a_read_is_not_missed(engine: Engine) -> None:
    """Times are equal and the content is not: the read that is out may be older than the push."""
    engine.sees("woocommerce", 5, name="Tea", price="105")
    engine.settles()
    engine.sees("woocommerce", 5, name="Tea", price="106")
    first = engine.last.commands[-1]
    engine.sees("woocommerce", 5, name="Tea", price="107")
    before = Seen(external_id="woocommerce-1", as_of=5, fields={"name": "Tea", "price": "106"})
    engine.answers(seen=before, to=first)
    assert engine.agreed("price") == "106"
    (second,) = [c for c in engine.last.commands if isinstance(c, Read)]
    after = Seen(external_id="woocommerce-1", as_of=5, fields={"name": "Tea", "price": "107"})
    engine.answers(seen=after, to=second)
    assert engine.agreed("price") == "107"
    assert not [c for c in engine.last.commands if isinstance(c, Read)]


def test_an_old_sighting_does_not_resurrect(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    engine.answers()  # MongoDB has deleted it
    engine.sees("woocommerce", 1, name="Tea", price="100")
    engine.sees("woocommerce", 5, name="Tea", price="100")
    assert engine.record.tombstone is not None
    assert not engine.record.replicas["woocommerce"].exists


def test_a_platform_that_never_told_of_it_does_not_resurrect_unread(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    engine.context = context("product", replicas=("mongodb", "woocommerce", "woocommerce:2"))
    engine.sees("woocommerce:2", 1, name="Tea", price="100")
    assert engine.record.tombstone is not None
    read = engine.last.commands[-1]
    assert isinstance(read, Read)
    assert read.replica == "woocommerce:2"


def test_a_queued_event_older_than_the_deletion_is_told(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    engine.edits("late", fields={"price": "90"}, timestamp_ms=T0)
    assert engine.last.feed[-1].kind == "refused"
    assert "deleted since" in engine.last.feed[-1].reason


def test_a_queued_event_newer_than_the_deletion_asks(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    engine.now += 10
    engine.edits("new", fields={"price": "90"})
    assert "existence" in engine.record.conflicts


def test_a_queued_deletion_older_than_an_edit_asks(engine: Engine) -> None:
    engine.sees("woocommerce", 12, name="Tea", price="120")
    engine.settles()
    engine.edits("gone", action="delete", timestamp_ms=T0 + 500)
    assert "existence" in engine.record.conflicts


def test_stock_is_not_ended_by_one_shop() -> None:
    engine = Engine(context("inventory"), "inventory")
    engine.sees("mongodb", 1, quantity=5)
    engine.sees("woocommerce", 1, quantity=5)
    engine.settles()
    engine.finds_gone("woocommerce")
    assert engine.record.tombstone is None
    assert engine.record.replicas["mongodb"].exists


def test_a_deletion_too_many_waits(engine: Engine) -> None:
    engine.context = replace(engine.context, braked=frozenset({("woocommerce", "deletes")}))
    engine.finds_gone("woocommerce")
    (line,) = engine.last.conflicts
    assert (line.brake, line.challenger) == ("deletes", "woocommerce")
    assert engine.last.commands == []
    engine.resolves("keep", side="agreed")
    assert isinstance(engine.last.commands[-1], Create)


def test_what_was_deleted_before_the_brake_is_asked_too(engine: Engine) -> None:
    engine.finds_gone("woocommerce")
    (alarm,) = engine.last.alarms
    engine.take(Recall(alarm))
    assert engine.record.conflicts["existence"].brake == "deletes"
    assert engine.record.tombstone is None


def test_stock_is_over_where_only_a_written_catalogue_is_left() -> None:
    engine = Engine(context("inventory", replicas=("mongodb", "whatsapp")), "inventory")
    catalogue = replace(engine.context.profiles["whatsapp"], reads=False)
    profiles = {**engine.context.profiles, "whatsapp": catalogue}
    engine.context = replace(engine.context, profiles=profiles)
    engine.sees("mongodb", 1, quantity=5)
    engine.settles()
    engine.finds_gone("mongodb")
    assert engine.record.tombstone is not None


def test_a_deletion_while_our_create_is_out_is_not_undone_by_it() -> None:
    engine = Engine(context("product"))
    create = engine.sees("mongodb", 1, sku="T", price="100", name="Tea").commands[-1]
    assert isinstance(create, Create)
    engine.gone("mongodb")
    engine.answers("missing")
    assert engine.record.tombstone is not None
    seen = Seen(
        external_id="woocommerce-1",
        as_of=5,
        fields={"sku": "T", "price": "100", "name": "Tea"},
        mark=Mark(op=create.op, fields={}),
    )
    done = Outcome(
        **engine.entity,
        replica="woocommerce",
        op=create.op,
        result="taken",
        seen=seen,
        at_ms=engine.now,
    )
    (command,) = engine.take(done).commands
    assert isinstance(command, Delete)


def test_our_own_delete_that_lands_late_is_nobodys_word(engine: Engine) -> None:
    (delete,) = [c for c in engine.finds_gone("woocommerce").commands if isinstance(c, Delete)]
    engine.sees("woocommerce", 20, name="Tea", price="100")
    engine.answers(seen=Seen(external_id="woocommerce-1", as_of=20, fields={"name": "Tea"}))
    assert engine.record.tombstone is None, "restored from the trash"
    done = Outcome(
        **engine.entity, replica="mongodb", op=delete.op, result="taken", at_ms=engine.now
    )
    engine.take(done)
    assert engine.record.tombstone is None
