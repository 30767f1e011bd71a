"""Every kind of message against the contract's limits, and the sandbox's own check of them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.messages import envelope, mark_read, message_of, safe, spoken
from connectors.whatsapp.numbers import wa_digits
from sandbox.clock import Clock
from sandbox.whatsapp import messages as meta
from sandbox.whatsapp.catalogue import Catalogue
from sandbox.whatsapp.number import Number, Settings, Template
from schemas.phone import NotANumber, e164_of
from tests.connectors.whatsapp.conftest import CATALOGUE, sample

REQUESTS = sample("exchange_send")["requests"]
ROWS = [{"id": f"r{n}", "title": f"Row {n}"} for n in range(10)]


def accepted(body: dict[str, Any]) -> None:
    """Meta's stand-in takes it. Raises GraphError."""
    number = Number("1", Settings(catalog_id=CATALOGUE), Clock())
    number.templates["order_confirmed", "en"] = Template(
        "order_confirmed", "en", 3, header="image", buttons=["quick_reply", "url"]
    )
    number.templates["order_status", "en"] = Template("order_status", "en", 2)
    held = Catalogue(CATALOGUE, items={"TEA": {}, "CUP": {}})
    meta.check(number, held, body)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one["type"])
def test_the_contracts_requests_come_out_as_they_are(request_: dict[str, Any]) -> None:
    kind = request_["type"]
    content = request_[kind]
    message = message_of(kind, content)
    callback = request_.get("biz_opaque_callback_data", "key")
    reply = request_.get("context", {}).get("message_id", "")
    made = envelope(message, f"+{request_['to']}", callback, reply)
    assert {**request_, "biz_opaque_callback_data": callback} == made
    accepted(made)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", "Ready"),
        ("text", {"body": "https://a.lk", "previewUrl": True}),
        ("image", {"id": "884"}),
        ("document", {"link": "https://a.lk/i.pdf", "filename": "i.pdf", "caption": "Invoice"}),
        ("document", {"id": "884"}),
        ("template", {"name": "order_status", "language": "en", "parameters": ["1", "Shipped"]}),
        ("buttons", {"body": "?", "buttons": [{"id": str(n), "title": "T"} for n in range(3)]}),
        ("list", {"body": "?", "button": "Choose", "sections": [{"rows": ROWS}]}),
        ("product", {"sku": "TEA"}),
        ("product", {"sku": "TEA", "body": "Yours", "footer": "LKR"}),
        ("products", {"header": "H", "body": "B",
                      "sections": [{"title": "All", "skus": ["TEA", "CUP"]}]}),
        ("catalog", {"body": "All we have", "sku": "TEA"}),
        ("reaction", {"messageId": "wamid.1", "emoji": "👍"}),
        ("reaction", {"messageId": "wamid.1", "emoji": ""}),
    ],
)  # fmt: skip
def test_each_kind_is_what_meta_takes(kind: str, content: Any) -> None:
    accepted(envelope(message_of(kind, content, catalog_id=CATALOGUE), "+94771234567", "k"))


LONG_LIST = [{"title": "A", "rows": ROWS}, {"title": "B", "rows": [{"id": "x", "title": "X"}]}]
MANY = [str(n) for n in range(31)]


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("text", "", "missing"),
        ("text", "x" * 4097, "4096"),
        ("text", {"text": "x"}, "'text'"),
        ("image", {}, "link"),
        ("image", {"link": "https://a", "id": "1"}, "one of the two"),
        ("image", {"link": "http://a"}, "https://"),
        ("image", {"id": "1", "caption": "x" * 1025}, "1024"),
        ("image", {"id": "1", "filename": "x"}, "filename"),
        ("buttons", {"body": "?", "buttons": []}, "1 to 3"),
        ("buttons", {"body": "?", "buttons": [{"id": str(n), "title": "T"} for n in range(4)]},
         "1 to 3"),
        ("buttons", {"body": "?", "buttons": [{"id": "1", "title": "x" * 21}]}, "20"),
        ("buttons", {"body": "?", "buttons": [{"id": "x" * 257, "title": "x"}]}, "256"),
        ("buttons", {"body": "?", "buttons": [{"id": "1", "title": "a"}] * 2}, "its own"),
        ("buttons", {"body": "x" * 1025, "buttons": [{"id": "1", "title": "a"}]}, "1024"),
        ("buttons", {"body": "?", "footer": "x" * 61, "buttons": [{"id": "1", "title": "a"}]},
         "60"),
        ("list", {"body": "?", "button": "x" * 21, "sections": [{"rows": ROWS}]}, "20"),
        ("list", {"body": "?", "button": "C", "sections": LONG_LIST}, "10 in all"),
        ("list", {"body": "?", "button": "C", "sections": [{"rows": ROWS[:1]}] * 2}, "title"),
        ("list", {"body": "?", "button": "C", "sections":
                  [{"rows": [{"id": "1", "title": "x", "description": "x" * 73}]}]}, "72"),
        ("product", {"sku": ""}, "product_retailer_id"),
        ("products", {"body": "B", "sections": [{"title": "A", "skus": ["TEA"]}]}, "header"),
        ("products", {"header": "H", "body": "B", "sections": [{"title": "A", "skus": MANY}]},
         "1 to 30"),
        ("catalog", {}, "body"),
        ("interactive", {"type": "flow"}, "interactive.type"),
        ("template", {"name": "t", "components": [{"type": "body", "parameters":
                      [{"type": "text", "text": "two\nlines"}]}]}, "line breaks"),
        ("template", {"name": "t", "components": [{"type": "footer"}]}, "header, body or button"),
        ("template", {"name": "t", "components": [{"type": "button", "sub_type": "url",
                      "index": "0", "parameters": []}]}, "exactly one"),
        ("reaction", {"emoji": "x"}, "messageId"),
        ("sticker", {"id": "1"}, "no 'sticker'"),
    ],
)  # fmt: skip
def test_what_breaks_a_limit_is_refused_in_words(kind: str, content: Any, words: str) -> None:
    with pytest.raises(BadMessage, match=words):
        message_of(kind, content, catalog_id=CATALOGUE)


def test_the_envelope() -> None:
    message = message_of("text", "x")
    with pytest.raises(NotANumber):
        envelope(message, "LK.123", "k")
    with pytest.raises(BadMessage, match="512"):
        envelope(message, "+94771234567", "k" * 513)
    assert mark_read("w") == {"messaging_product": "whatsapp", "status": "read", "message_id": "w"}


def test_values_of_a_template_are_made_safe() -> None:
    assert safe("two\nlines\tand     blanks") == "two lines and blanks"
    assert safe("  ") == "-"
    assert len(safe("x" * 2000)) == 1024


def test_what_is_said_in_short() -> None:
    assert spoken(message_of("text", "Hello")) == "Hello"
    buttons = {"body": "Pay?", "buttons": [{"id": "1", "title": "Yes"}]}
    assert spoken(message_of("buttons", buttons)) == "Pay?"
    assert spoken(message_of("document", {"id": "1", "filename": "i.pdf"})) == "i.pdf"


@pytest.mark.parametrize(
    ("typed", "country", "expected"),
    [
        ("0771234567", "LK", "+94771234567"),
        ("077 123 4567", "LK", "+94771234567"),
        ("94771234567", "LK", "+94771234567"),
        ("+94 77 123 4567", "LK", "+94771234567"),
        ("0094771234567", "LK", "+94771234567"),
        ("07700 900123", "GB", "+447700900123"),
        ("+44 7700 900123", "LK", "+447700900123"),
    ],
)
def test_numbers_as_people_type_them(typed: str, country: str, expected: str) -> None:
    assert e164_of(typed, country) == expected
    assert wa_digits(expected) == expected[1:]


@pytest.mark.parametrize("typed", ["", "hello", "12", "+94", "LK.1234"])
def test_what_is_no_number_is_not_repeated(typed: str) -> None:
    with pytest.raises(NotANumber) as caught:
        e164_of(typed)
    assert not typed or typed not in str(caught.value).replace("+94771234567", "")
