"""Every text of the pages in English, Sinhala and Tamil."""

from __future__ import annotations

import re

import pytest

from api.pages import i18n
from api.pages.catalogues import TRANSLATED, read, texts
from api.pages.render import templates

PLACE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({b"accept-language": b"si-LK,si;q=0.9,en;q=0.8"}, "si"),
        ({b"accept-language": b"fr,ta;q=0.5,en;q=0.4"}, "ta"),
        ({b"accept-language": b"en-GB,si;q=0.2"}, "en"),
        ({b"accept-language": b"de;q=x,*"}, "en"),
        ({b"cookie": b"smartstore_language=ta", b"accept-language": b"si"}, "ta"),
        ({b"cookie": b"smartstore_language=xx", b"accept-language": b"si"}, "si"),
        ({b"cookie": b"\xff;;=;smartstore_language"}, "en"),
    ],
)
def test_the_switch_counts_first_then_the_browser(
    headers: dict[bytes, bytes], language: str
) -> None:
    assert i18n.wanted(headers) == language


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_with_its_places(language: str) -> None:
    held = read(language)
    missing, wrong = set(), set()
    for name, message in texts():
        wanted = (message,) if isinstance(message, str) else message
        found = held.get(wanted[0])
        said = found.string if found is not None else ""
        told = (said,) if isinstance(said, str) else tuple(said)
        if len(told) != len(wanted) or not all(told):
            missing.add((name, wanted[0]))
        elif {p for one in told for p in PLACE.findall(one)} - {"num"} != {
            p for one in wanted for p in PLACE.findall(one)
        } - {"num"}:
            wrong.add((name, wanted[0]))
    assert (missing, wrong) == (set(), set()), "python -m api.pages.catalogues; then translate"


def test_a_word_of_a_template_is_that_of_each_reader() -> None:
    shown = templates().from_string('{{ "mongodb"|replica }}')
    told = set()
    for language in ("en", "si", "ta"):
        with i18n.speaking(language):
            told.add(shown.render())
    assert len(told) == 3


def test_numbers_money_and_times_are_those_of_the_language() -> None:
    with i18n.speaking("en"):
        assert i18n.currency_word("1234567.5", "LKR") == "Rs\xa01,234,567.50"
        assert i18n.currency_word("-431.005", "LKR") == "-Rs\xa0431.005"
        assert i18n.currency_word("431", "USD") == "US$431.00"
        assert i18n.currency_word("431", "XYZ") == "XYZ\xa0431.00"
        assert i18n.currency_word("none", "LKR") == "none"
        assert i18n.moment_word("2026-11-22T08:32:07Z") == "22 Nov 2026, 08:32:07"
        assert i18n.passed_word(999) == "just now"
        assert i18n.passed_word(185_000) == "3 minutes ago"
    with i18n.speaking("ta"):
        assert i18n.currency_word("1234567.5", "LKR") == "ரூ\xa012,34,567.50"
        assert "நவ" in i18n.moment_word("2026-11-22T08:32:07Z")
    with i18n.speaking("si"):
        assert i18n.currency_word("1234567.5", "LKR") == "රු.\xa01,234,567.50"
        assert "නොවැ" in i18n.moment_word("2026-11-22T08:32:07Z")
