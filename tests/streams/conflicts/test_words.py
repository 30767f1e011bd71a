"""What the view tells about a resolution that was sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.feed import ConflictLine
from streams.conflicts.bulk import Task, task_of, word_for
from streams.conflicts.rows import Filter
from streams.conflicts.words import UNDO, Word, asked, is_said, judge, kept_side

LINE = ConflictLine(
    organization_id="o",
    type="product",
    entity_id="e",
    id="c",
    field="price",
    status="open",
    policy="manual",
    candidates={"mongodb": "1", "woocommerce": "2"},
    challenger="woocommerce",
    stamps={},
    opened_at_ms=1,
    at_ms=1,
    version=4,
)


def now(**named: Any) -> ConflictLine:
    return msgspec.structs.replace(LINE, **named)


def settled(**named: Any) -> ConflictLine:
    found: dict[str, Any] = {"status": "resolved", "value": "2", "resolution": "keep", **named}
    return now(**found)


class TestJudge:
    sent = asked(LINE, Word("keep", "woocommerce"), by="session", at_ms=9)

    @pytest.mark.parametrize(
        ("line", "state"),
        [
            (LINE, "pending"),
            (now(version=7), "pending"),
            (now(candidates={"mongodb": "1", "woocommerce": "3"}), "changed"),
            (settled(resolution_id="another's"), "lost"),
            (settled(resolution="agreed"), "lost"),
        ],
    )
    def test_a_decision(self, line: ConflictLine, state: str) -> None:
        assert judge(self.sent, line) == state

    def test_ours(self) -> None:
        assert judge(self.sent, settled(resolution_id=self.sent.resolution.id)) == "settled"

    def test_taking_a_persons_word_back(self) -> None:
        seen = settled(resolution_id="r")
        sent = asked(seen, Word(UNDO), by="session", at_ms=9)
        assert sent.resolution.reopen
        assert judge(sent, seen) == "pending"
        assert judge(sent, now(version=8)) == "settled"
        assert judge(sent, settled(resolution_id="later")) == "lost"

    def test_taking_a_rules_word_back(self) -> None:
        seen = settled(automatic=True, previous="1")
        sent = asked(seen, Word(UNDO), by="session", at_ms=9)
        assert (sent.resolution.reopen, sent.resolution.previous) == (False, "1")
        assert judge(sent, seen) == "pending"
        assert judge(sent, settled(resolution_id=sent.resolution.id, value="1")) == "settled"
        assert judge(sent, LINE) == "changed"


def test_the_same_word_on_the_same_values_has_one_id() -> None:
    first = asked(LINE, Word("local"), by="a", at_ms=1).resolution.id
    assert asked(LINE, Word("local"), by="b", at_ms=2).resolution.id == first
    assert asked(LINE, Word("remote"), by="a", at_ms=1).resolution.id != first
    assert asked(now(version=5), Word("local"), by="a", at_ms=1).resolution.id != first
    assert (
        asked(LINE, Word("local"), by="a", at_ms=1, action_id="f0").resolution.id == f"f0.{first}"
    )


def test_what_is_undone_opens_as_what_it_was() -> None:
    held = settled(brake="stock", base=12)
    sent = asked(held, Word(UNDO), by="a", at_ms=1).resolution
    assert (sent.brake, sent.base, sent.value) == ("stock", 12, "2")


@pytest.mark.parametrize(
    ("line", "word", "said"),
    [
        (LINE, Word("local"), False),
        (settled(), Word("keep", "woocommerce"), True),
        (settled(), Word("keep", "mongodb"), False),
        (settled(resolution="manual", value="3"), Word("manual", value="3"), True),
        (settled(resolution="manual", value="3"), Word("manual", value="4"), False),
        (settled(resolution="local"), Word("local"), True),
        (settled(resolution="local"), Word("remote"), False),
    ],
)
def test_the_same_word_again_is_no_quarrel(line: ConflictLine, word: Word, said: bool) -> None:
    assert is_said(line, word) is said


def test_whose_value_was_kept() -> None:
    assert kept_side(settled()) == "woocommerce"
    assert kept_side(settled(value="3")) == ""


class TestTasks:
    @pytest.mark.parametrize(
        ("line", "task", "word"),
        [
            (now(brake="stock"), Task("apply"), Word("keep", "woocommerce")),
            (now(brake="stock"), Task("reject"), Word("keep", "mongodb")),
            (LINE, Task("keep", "mongodb"), Word("keep", "mongodb")),
            (LINE, Task("manual", value="9"), Word("manual", value="9")),
            (settled(), Task(UNDO), Word(UNDO)),
        ],
    )
    def test_what_they_say(self, line: ConflictLine, task: Task, word: Word) -> None:
        assert word_for(line, task) == word

    @pytest.mark.parametrize(
        ("line", "task"),
        [
            (LINE, Task("apply")),
            (LINE, Task(UNDO)),
            (LINE, Task("keep", "whatsapp")),
            (settled(), Task("local")),
        ],
    )
    def test_and_where_they_say_nothing(self, line: ConflictLine, task: Task) -> None:
        assert isinstance(word_for(line, task), str)

    def test_a_job_keeps_all_of_it(self) -> None:
        task = Task(
            "manual",
            value={"a.b": [1, None, {"$set": 2**70}]},
            filter=Filter(field="price", opened_before_ms=5),
            by="key:Nimal",
            batch="stock.inventory.woocommerce",
        )
        assert task_of(task.arguments()) == task
        named = Task("keep", "mongodb", ids=("a", "b"))
        assert task_of(named.arguments()) == named
