"""What connections are found to be like is told in the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from api.pages.i18n import speaking
from api.pages.told import FORMS, told_word

CONNECTORS = Path(__file__).parents[3] / "connectors" / "woocommerce"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Kafka answers; waiting: inbound 3", "inbound 3"),
        ("the shop answers; plugin 1.0.0", "1.0.0"),
        ("3 products", "3"),
        ("Live; deliveries: last 2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("Meta: not reached (ConnectTimeout)", "Meta"),
        ("The shop's address redirects to https://tea.lk", "https://tea.lk"),
    ],
)
def test_what_stands_in_a_sentence_is_kept(text: str, held: str) -> None:
    for language in ("si", "ta"):
        with speaking(language):
            told = told_word(text)
        assert told != text
        assert held in told
    assert told_word(text) == text  # in English


def test_what_is_wrong_and_what_helps_are_told_one_after_the_other() -> None:
    text = "The shop has no REST address under /wp-json/. Try again in a while."
    with speaking("si"):
        what, fix = (
            told_word("The shop has no REST address under /wp-json/"),
            told_word("Try again in a while."),
        )
        assert told_word(text) == f"{what}. {fix}"
        within = told_word(f"The shop does not take our webhooks: {text}")
    assert "Try again" not in within


def test_what_nobody_knows_stays_as_it_is() -> None:
    with speaking("ta"):
        for text in ("", "wc_error 7: Nichts", "Kafka answers not", "<b>x</b>"):
            assert told_word(text) == text


def test_every_sentence_of_a_shops_examination_is_known() -> None:
    """Those of connectors/woocommerce: literal ones, and with something filled in."""
    said = set()
    for name in ("examining.py", "trouble.py"):
        for node in ast.walk(ast.parse((CONNECTORS / name).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Trouble":
                said |= {_text(one) for one in node.args}
            if isinstance(node, ast.Return) and isinstance(
                node.value, ast.Constant | ast.JoinedStr
            ):
                said.add(_text(node.value))
    said -= {None, "", "7. 7"}
    assert len(said) > 30

    with speaking("si"):
        unknown = [text for text in said if text and told_word(text) == text]
    assert unknown == []
    assert len(set(FORMS)) == len(FORMS)


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "7" for part in node.values]
        return "".join(str(part) for part in parts)
    return None


def test_every_reason_why_a_message_waits_is_known() -> None:
    """The literal ones of streams/whatsapp/planner.py."""
    source = Path(__file__).parents[3] / "streams" / "whatsapp" / "planner.py"
    said = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Hold", "Drop"):
            said |= {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
    assert len(said) > 4
    assert said <= set(FORMS)
