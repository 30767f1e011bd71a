"""One person's data out of events, wherever it stands; amounts stay."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from schemas.archive import ArchivedEvent
from schemas.codec import decode, encode
from schemas.deadletter import DeadLetter
from schemas.feed import ConflictLine, FeedLine
from schemas.observation import FieldMark, Mark, Observation, Seen
from streams.archive.erasing import Person, erased, needles_of
from streams.archive.rows import event_of
from streams.kafka.records import Incoming
from streams.sync.erase import MARK, sealed
from streams.sync.record import Agreed, Record, Replica, Shadow

PHONE, MAIL, NAME = "+94771234567", "nimal.p@example.lk", "Nimal Perera"
PERSON = Person(
    "e1",
    "kandy",
    entities=frozenset({("customer", "c1"), ("order", "o1")}),
    needles=needles_of([PHONE, MAIL]),
    names=(NAME,),
    places=frozenset({"woocommerce/order/77"}),
)
WAMID = "wamid.HBgLOTQ3NzEyMzQ1NjcVAgARGBI0NDAzRkM2RDc2RTI3QzVDNTkA"
"""As Meta makes them: base64, the number from the fourth byte on."""
SECRETS = ("OTQ3NzEyMzQ1Njc", "771234567", "77 123 4567", "nimal.p@", "Nimal", "Temple Road")
BILLING = {"firstName": "Nimal", "lastName": "Perera", "address1": "5 Temple Road", "phone": PHONE}


def event(topic: str, key: str, value: Any, **headers: str) -> ArchivedEvent:
    body = value if isinstance(value, bytes) else encode(value)
    told = [(name, text.encode()) for name, text in headers.items()]
    return event_of(Incoming(topic, 0, 7, 1_000, key.encode(), body, told), "log", 1_000)


def entity(entity_type: str, name: str, /, **more: Any) -> dict[str, Any]:
    return {"organization_id": "kandy", "type": entity_type, "entity_id": name, **more}


def line(kind: str, name: str, **more: Any) -> FeedLine:
    values = entity(kind, name, id="l", kind="changed", version=1, at_ms=1, **more)
    return FeedLine(**values)


SEEN = Observation(
    **entity("customer", "c1"),
    id="s",
    replica="woocommerce",
    received_at_ms=1,
    seen=Seen(
        external_id="9",
        fields={"name": NAME, "email": MAIL, "phone": PHONE, "tags": ["vip"]},
        mark=Mark(op=(1, 2), fields={"name": FieldMark(op=(1, 2), value=NAME, wanted=NAME)}),
    ),
)
RECORD = Record(
    "kandy", "order", "o1", version=3,
    fields={"total": Agreed("1899.5", 5, "web"), "billing": Agreed(BILLING, 5, "web")},
    replicas={"woocommerce": Replica("77", True, {"billing": Shadow(BILLING, BILLING)})},
)  # fmt: skip
HOOK = {
    "id": 77, "total": "1899.50", "customer_id": 9, "billing": {"first_name": "Nimal"},
    "line_items": [{"name": "Ceylon tea", "total": "1899.50"}], "customer_note": "5 Temple Road",
}  # fmt: skip
MESSAGE = {"messages": [{"from": "94771234567", "id": "w1", "text": {"body": "It is Nimal"}}]}
CONFLICT = ConflictLine(
    **entity("customer", "c1"), id="x", field="name", label=NAME, status="open", policy="manual",
    candidates={"web": NAME, "woocommerce": "N. Perera"}, stamps={"web": 1}, base=NAME,
    opened_at_ms=1, at_ms=1, version=1,
)  # fmt: skip
LETTER = DeadLetter(
    id="d", organization_id="kandy", topic="inbound", key="kandy/whatsapp/message/w1",
    value=base64.b64encode(encode(MESSAGE)).decode(), reason="no", stage="inbound", at_ms=1,
)  # fmt: skip

THEIRS = {
    "an observation": event("observations", "kandy/customer/c1", SEEN),
    "a record": event("entities-changelog", "kandy/order/o1", RECORD),
    "a delivery named by its item": event("inbound", "kandy/woocommerce/order/77", HOOK),
    "a delivery with their number": event("inbound", "kandy/whatsapp/message/w1", MESSAGE),
    "a number written otherwise": event(
        "feed", "kandy", line("product", "p1", reason="call 077 123 4567")
    ),
    "an order's line": event(
        "feed", "kandy", line("order", "o1", label="1001", fields={"total": "5", "note": NAME})
    ),
    "a line with their address as label": event("feed", "kandy", line("order", "o9", label=MAIL)),
    "a conflict": event("conflicts", "kandy/customer/c1/name", CONFLICT),
    "a dead letter": event("deadletter", "kandy", LETTER),
    "escaped": event("inbound", "kandy/event/order/z", b'{"email":"nimal\\u002ep@example.lk"}'),
    "a number as a number": event("inbound", "kandy/event/order/z", b'{"who":94771234567}'),
    "a key": event("inbound", f"kandy/whatsapp/customer/{PHONE}", b"{}", ce_subject=PHONE),
    "an id with their number": event("feed", "kandy", line("message", "m1", reason=f"no {WAMID}")),
    "a key with such an id": event("inbound", f"kandy/whatsapp/message/{WAMID}", b"{}"),
    "bytes": event("inbound", "kandy/whatsapp/message/w2", b"\xff 94771234567"),
}


@pytest.mark.parametrize("what", THEIRS)
def test_nothing_is_left(what: str) -> None:
    old = THEIRS[what]
    new = erased(old, PERSON)
    assert new is not None
    shown = repr(new)
    assert not [secret for secret in SECRETS if secret in shown]
    assert (new.erasure, new.place) == ("e1", old.place)
    assert erased(new, PERSON) is None  # once is enough


def test_the_same_id_is_the_same_digest_wherever_it_stands() -> None:
    key = erased(THEIRS["a key with such an id"], PERSON)
    said = erased(THEIRS["an id with their number"], PERSON)
    assert key is not None
    assert said is not None
    digest = key.key.decode().removeprefix("kandy/whatsapp/message/")
    assert digest == sealed(WAMID)
    assert f"no {digest}" in (said.value or "")


@pytest.mark.parametrize("before", range(12))
def test_a_number_in_base64_is_found_wherever_it_begins(before: int) -> None:
    shown = base64.b64encode(bytes(range(65, 65 + before)) + b"94771234567\x15\x02").decode()
    assert PERSON.within(shown)
    assert PERSON.without(f"say {shown}, please") == f"say {sealed(shown)}, please"
    other = base64.b64encode(bytes(range(65, 65 + before)) + b"94771234568\x15\x02").decode()
    assert PERSON.without(other) == other


def text(what: str) -> str:
    new = erased(THEIRS[what], PERSON)
    assert new is not None
    return new.value or ""


def test_amounts_and_shapes_stay() -> None:
    order = decode(text("a record"), Record)
    assert order.fields["total"] == RECORD.fields["total"]
    assert order.fields["billing"].value == dict.fromkeys(BILLING, MARK)
    hook = msgspec.json.decode(text("a delivery named by its item"))
    assert (hook["total"], hook["line_items"]) == (HOOK["total"], HOOK["line_items"])
    seen = decode(text("an observation"), Observation).seen
    assert seen.fields == {"name": MARK, "email": MARK, "phone": MARK, "tags": ["vip"]}
    assert seen.mark is not None
    assert seen.mark.op == (1, 2)


@pytest.mark.parametrize(
    "other",
    [
        event("feed", "kandy", line("customer", "c2", label=NAME)),  # somebody of the same name
        event("feed", "galle", {"organizationId": "galle", "reason": PHONE}),
        event("feed", "kandy", line("product", "p1", fields={"sku": "8771234567891"})),
        event("observations", "kandy/customer/c1", SEEN)._replace(at_ms=99),
    ],
)
def test_others_are_not_touched(other: ArchivedEvent) -> None:
    assert erased(other, replace(PERSON, until_ms=98 if other.at_ms == 99 else 2**62)) is None


def test_what_is_looked_for() -> None:
    assert needles_of(["+94 77 123 4567", "0771234567", "94771234567"]) == ("771234567",)
    assert needles_of(["+6591234567"]) == ("91234567",)
    assert needles_of([" Nimal.P@Example.lk ", "12", ""]) == ("nimal.p@example.lk",)
