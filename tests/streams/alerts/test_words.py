"""Everything that alerts say is there in three languages, and fits its values."""

from __future__ import annotations

import re

import pytest

from streams.alerts.conditions import OPERATOR, PAGES, SHOP
from streams.alerts.evaluate import Alert, News
from streams.alerts.words import HELP, NAMES, TITLES, Language, platform_name, say

LANGUAGES: tuple[Language, ...] = ("en", "si", "ta")
PLACE = re.compile(r"\{(\w+)\}")
STOCK = Alert("stock", "p1", {"label": "BOPF 400 g", "left": "2"}, 0)


def test_every_condition_has_its_words_its_page_and_the_same_places() -> None:
    conditions = {*SHOP, *OPERATOR}
    assert conditions == TITLES.keys() == HELP.keys() == NAMES.keys() == PAGES.keys()
    for words in (TITLES, HELP, NAMES):
        for condition, said in words.items():
            places = {frozenset(PLACE.findall(said[language])) for language in LANGUAGES}
            assert len(places) == 1, condition
            assert all(said[language].strip() for language in LANGUAGES), condition


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_one_line_and_a_body(language: Language) -> None:
    over = Alert("silent", "woocommerce", {"name": "WooCommerce"}, 0, "over")
    said = say("Kandy\nTea", [News("over", over), News("raised", STOCK)], language, "https://s.lk")
    assert said.subject.startswith("Kandy Tea: "), "a name cannot end the line of an e-mail"
    assert "BOPF 400 g" in said.subject, "what is wrong comes before what is over"
    assert said.body.endswith("https://s.lk/alerts\n")
    assert "WooCommerce" in said.body


def test_a_value_that_is_not_there_is_a_dash_and_braces_are_plain_text() -> None:
    odd = Alert("stock", "p1", {"label": "{left} {0}"}, 0)
    subject = say("Tea", [News("raised", odd)], "en", "").subject
    assert subject == "Tea: Low stock: {left} {0}, – left"  # noqa: RUF001 - a dash


def test_platforms_are_called_as_people_call_them() -> None:
    found = [platform_name(one) for one in ("woocommerce:2", "courier:dhl", "courier:ceylinco")]
    assert found == ["WooCommerce 2", "DHL", "Ceylinco"]
