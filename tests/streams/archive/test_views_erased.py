"""Documents of our views without a person; the lines of JSON in them as well."""

from __future__ import annotations

from typing import Any

import bson
import msgspec
import pytest

from streams.archive.erasing import Person, needles_of
from streams.archive.views_erased import erased_document
from streams.sync.erase import MARK

PHONE, MAIL = "+94771234567", "nimal@example.lk"
PERSON = Person(
    "e1", "kandy", frozenset({("order", "o1")}), needles_of([PHONE, MAIL]), ("Nimal", "Temple Road")
)
LINE = msgspec.json.encode(
    {"type": "order", "label": "1001", "fields": {"billing": {"firstName": "Nimal"}, "total": "5"}}
)
DOCUMENTS: dict[str, dict[str, Any]] = {
    "a line of history": {"_id": "1", "type": "order", "entityId": "o1", "line": LINE},
    "a line as text": {"_id": "2", "type": "order", "entityId": "o1", "line": LINE.decode()},
    "an effect": {"_id": "3", "arguments": {"to": PHONE, "words": ["Nimal", "1001"]}},
    "a parcel": {"_id": "4", "orderId": "o1", "receiver": {"name": "N.", "street": "Temple Road"}},
    "an id": {"_id": f"m|{PHONE}", "note": "call 077 123 4567"},
    "a customer": {"_id": "5", "type": "customer", "entityId": "c", "label": "N. P.", "at": 7},
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_nothing_is_left_and_once_is_enough(what: str) -> None:
    old = bson.decode(bson.encode(DOCUMENTS[what]))  # as it comes from MongoDB
    new = erased_document(old, PERSON)
    assert new != old
    text = repr(new)
    assert [s for s in ("771234567", "77 123", "Nimal", "Temple", "N. P.") if s in text] == []
    assert erased_document(bson.decode(bson.encode(new)), PERSON) == new


def test_amounts_and_names_of_things_stay() -> None:
    new = erased_document(DOCUMENTS["a line of history"], PERSON)
    line = msgspec.json.decode(new["line"])
    assert line["fields"] == {"billing": {"firstName": MARK}, "total": "5"}
    assert line["label"] == "1001"
    other = {"_id": "9", "type": "product", "entityId": "p", "line": b'{"fields":{"name":"Tea"}}'}
    assert erased_document(other, PERSON) == other
