"""What Meta refuses is told by its code, in the reader's language."""

from __future__ import annotations

from typing import Any

import pytest

from api.pages.i18n import speaking
from api.pages.refusals import CODES, behind_word, plain_word
from api.pages.render import templates
from connectors.whatsapp.codes import RULES, rule_of, words_of

CLOSED = "131047: Re-engagement message"


def test_every_code_that_something_is_done_about_has_a_sentence_in_every_language() -> None:
    assert RULES.keys() <= CODES.keys()
    for code in CODES:
        sentences = set()
        for language in ("en", "si", "ta"):
            with speaking(language):
                sentences.add(plain_word(f"{code}: (#{code}) What Meta says"))
        assert len(sentences) == 3, code
        assert rule_of(code) is not None


@pytest.mark.parametrize("text", [CLOSED, words_of(CLOSED)])
def test_metas_words_and_ours_with_the_code_are_told_alike(text: str) -> None:
    sentence = "The customer has not written within the last 24 hours: only an approved template"
    assert plain_word(text).startswith(sentence)
    assert behind_word(text) in (CLOSED, "131047")


@pytest.mark.parametrize(
    "text", ["", "404: Not found", "the image is 7 MB (5242880)", "12:30", "Later (again)"]
)
def test_what_has_no_code_of_metas_stays(text: str) -> None:
    assert (plain_word(text), behind_word(text)) == (text, "")


def test_a_page_shows_the_sentence_and_metas_words_small_and_escaped() -> None:
    macro: Any = templates().get_template("because.html").module
    with speaking("ta"):
        told = macro.because("100: <b>Invalid</b> parameter")
        shop = macro.because("100: <b>Invalid</b> parameter", "woocommerce")
        sentence = plain_word("100: x")
    assert told.startswith(f"{sentence} ")
    assert '<small class="quiet">Meta: 100: &lt;b&gt;Invalid&lt;/b&gt; parameter</small>' in told
    assert shop == "100: &lt;b&gt;Invalid&lt;/b&gt; parameter"
