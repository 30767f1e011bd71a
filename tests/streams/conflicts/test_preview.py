"""What the conflicts of the past would have become."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.feed import ConflictLine
from schemas.policy import Rule
from streams.conflicts.preview import foresee, preview
from streams.conflicts.words import Word, always

LOCAL = Rule(field="price", policy="local")
ASK = Rule(field="price", policy="manual")


def line(**named: Any) -> ConflictLine:
    """WooCommerce changed last; the newest won by rule."""
    values: dict[str, Any] = {
        "organization_id": "o",
        "type": "product",
        "entity_id": "e",
        "id": "c",
        "field": "price",
        "status": "resolved",
        "policy": "newest",
        "automatic": True,
        "candidates": {"mongodb": "120", "woocommerce": "130"},
        "stamps": {"mongodb": 10, "woocommerce": 20},
        "base": "100",
        "resolution": "newest",
        "value": "130",
        "by": "rule",
        "opened_at_ms": 1,
        "at_ms": 2,
        "version": 1,
    }
    return ConflictLine(**{**values, **named})


BY_PERSON = {"automatic": False, "by": "session", "policy": "manual", "resolution": "keep"}
OPEN = {**BY_PERSON, "status": "open", "resolution": "", "value": None, "by": ""}


@pytest.mark.parametrize(
    ("named", "rules", "kind", "value"),
    [
        ({}, [], "same", "130"),
        ({}, [LOCAL], "differently", "120"),
        ({}, [ASK], "asksNow", None),
        (BY_PERSON, [], "savedAsking", "130"),
        (BY_PERSON, [LOCAL], "againstAPerson", "120"),
        (BY_PERSON, [ASK], "stillAsks", None),
        (OPEN, [LOCAL], "settlesOpen", "120"),
        (OPEN, [ASK], "stillAsks", None),
        ({}, [Rule(platform="whatsapp", policy="manual")], "same", "130"),
        ({}, [Rule(platform="woocommerce", winner="mongodb")], "differently", "120"),
        ({**BY_PERSON, "resolution": "agreed", "value": "140"}, [], "same", "130"),
    ],
)
def test_each_conflict_is_judged_by_who_decided_it(
    named: dict[str, Any], rules: list[Rule], kind: str, value: Any
) -> None:
    found = foresee(line(**named), rules)
    assert found is not None
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize(
    "named",
    [
        {"brake": "price", "policy": "brake"},
        {"field": "existence"},
        {"policy": "first sight"},
        {"policy": "rewritten"},
    ],
)
def test_what_no_rule_decides_is_left_out(named: dict[str, Any]) -> None:
    assert foresee(line(**named), [LOCAL]) is None


def test_what_merely_stood_was_said_by_the_same_side() -> None:
    """Two words of WooCommerce: `local` has no side here, so the newer one stands."""
    two = line(
        candidates={"agreed": "120", "woocommerce": "130"},
        stamps={"agreed": 10, "woocommerce": 20},
    )
    found = foresee(two, [LOCAL])
    assert found is not None
    assert (found.value, found.how) == ("130", "newest")


def test_lists_merge_by_what_both_started_from() -> None:
    tags = line(
        field="tags",
        candidates={"mongodb": ["tea", "new"], "woocommerce": []},
        base=["tea"],
        value=[],
    )
    found = foresee(tags, [Rule(policy="merge")])
    assert found is not None
    assert found.value == ["new"]


def test_counts_and_what_matters_most_first() -> None:
    lines = [
        line(id="same", field="name"),
        line(id="other", opened_at_ms=5),
        line(id="person", opened_at_ms=1, **BY_PERSON),
        line(id="open", opened_at_ms=9, **OPEN),
        line(id="brake", brake="price"),
    ]
    counts, changed = preview(lines, [LOCAL])
    assert counts == {"same": 1, "differently": 1, "againstAPerson": 1, "settlesOpen": 1}
    assert [found.line.id for found in changed] == ["person", "other", "open"]


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        (
            Word("local"),
            Rule(type="product", field="price", platform="woocommerce", policy="local"),
        ),
        (Word("newest"), Rule(type="product", field="price", platform="woocommerce")),
        (
            Word("keep", "mongodb"),
            Rule(type="product", field="price", platform="woocommerce", winner="mongodb"),
        ),
        (Word("manual", value="1"), None),
        (Word("keep", "agreed"), None),
    ],
)
def test_a_word_becomes_a_rule_between_these_platforms(word: Word, rule: Rule | None) -> None:
    assert always(line(), word) == rule


def test_between_two_shops_the_rule_is_about_the_other_one() -> None:
    two = line(candidates={"woocommerce": "1", "whatsapp": "2"})
    rule = always(two, Word("keep", "woocommerce"))
    assert rule == Rule(type="product", field="price", platform="whatsapp", winner="woocommerce")
