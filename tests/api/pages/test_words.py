"""What machines call things, in a shopkeeper's words."""

from __future__ import annotations

from typing import Any

import pytest

from api.pages.i18n import passed_forms, speaking
from api.pages.naming import STATUSES
from api.pages.words import line_title, value_word
from schemas.feed import FeedLine
from schemas.fields import LATTICES


def line(type_: str = "order", version: int = 1, **named: Any) -> FeedLine:
    values: dict[str, Any] = {"kind": "changed", "source": "woocommerce",
                                 "fields": {"status": "processing"}, **named}  # fmt: skip
    return FeedLine(
        organization_id="kandy", type=type_, entity_id="o1", id="a", version=version, at_ms=1,
        **values,
    )  # fmt: skip


def test_what_is_told_of_for_the_first_time_is_new() -> None:
    assert line_title(line()) == "WooCommerce: new order"
    assert line_title(line(version=2)) == "WooCommerce changed status"
    assert line_title(line("inventory", fields={"quantity": 3})) == "WooCommerce changed stock"
    assert line_title(line(kind="deleted")) == "Removed by WooCommerce"


def test_every_status_of_ours_has_a_word_and_others_stay() -> None:
    known = {status for statuses in LATTICES.values() for status in statuses}
    assert known == set(STATUSES)
    assert value_word("on-hold", "status") == "on hold"
    assert value_word("wc-baking", "status") == "wc-baking"
    assert value_word("read", "name") == "read"
    with speaking("ta"):
        assert value_word("delivered", "status") == "ஒப்படைக்கப்பட்டது"


def test_times_are_told_by_the_clock() -> None:
    assert value_word("2026-11-22T08:32:07Z", "sentAt") == "22 Nov 2026, 08:32:07"
    assert value_word("tomorrow", "estimatedDelivery") == "tomorrow"


@pytest.mark.parametrize(
    ("language", "minute"),
    [("en", "%(num)s minutes ago"), ("si", "මිනිත්තු %(num)sකට පෙර")],
)
def test_scripts_tell_how_long_ago_in_each_language(language: str, minute: str) -> None:
    with speaking(language):
        found = passed_forms()
    assert found["minute"]["other"] == minute
    assert all("%(num)s" in form for forms in found.values() for form in forms.values())
