"""Couriers from a file: mistakes are told with their line, and a file can do nothing but ask."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.couriers.errors import InvalidRequest, NotFound, Unavailable
from connectors.couriers.generic import BadProfile, ProfileCourier, load_profile
from connectors.couriers.generic.conditions import dig, hold, words
from connectors.couriers.generic.positions import Repeated, lines_of
from connectors.couriers.generic.profile import Condition
from connectors.couriers.generic.templates import ascii_only, filled
from connectors.couriers.protocol import Context
from connectors.couriers.registry import PROFILES, courier, courier_of
from connectors.couriers.shipment import Money
from connectors.errors import Forged, Malformed, Paused
from connectors.protocol import Connection
from support.couriers import NOW_MS, answering, domestic

PLAIN = Context(NOW_MS, "id-1", "the-token")
TEXT = (PROFILES / "citypak.profile.json").read_text()


def connection(code: str = "", **more: str) -> Connection:
    settings = {"courier": code, "base_url": "https://courier.example", "client_id": "C100",
                "tenant": "t", "business_id": "b", "service": "s"}  # fmt: skip
    secrets = {name: f"test-{name}" for name in ("api_key", "api_token", "email", "password",
                                                 "webhook_token", "webhook_key")}  # fmt: skip
    return Connection("c", "org", "courier", "courier:x", {**settings, **more}, secrets)


def line(text: str, of: str) -> int:
    return text[: text.index(of)].count("\n") + 1


MISTAKES = [
    ('"path": "/customer_api/v1/orders"', '"path": "orders"', "a path starts with /"),
    ("{receiver.name}", "{receiver.nmae}", "receiver.name"),
    ("{receiver.name}", "{customer.name}", "nothing is called {customer.name}"),
    ("{receiver.phone|lk_local}", "{receiver.phone|upper}", "no filter is called 'upper'"),
    ("{receiver.name}", "{receiver.name", "a brace that belongs to no placeholder"),
    ('"kind": "bearer"', '"kind": "bear"', "'bearer'"),
    ('"basis":', '"bassis":', "no such key is known here"),
    ('"contains": "tracking number"', '"contains": "x", "equals": "y"', "one of present, equals"),
    ('"kind": "NotFound"', '"kind": "Missing"', "'NotFound'"),
    ('"dl": "delivered"', '"dl": "deliverd"', "'delivered'"),
    (
        '"order created": "created"',
        '"order  created": "created", "Order Created": "returned"',
        "is there twice",
    ),
    ('"%d-%m-%Y %H:%M"', '"%q"', "is no form of a time"),
    ('"timezone": "Asia/Colombo"', '"timezone": "Asia/Kandy"', "no time zone is named"),
    ('"production": "https://falcon', '"production": "http://falcon', "it looks like https://"),
    ('"encode": "json"', '"encode": "xml"', "'json'"),
    ('"number": "data.items.0.tracking_number"', '"numero": "x"', "no such key is known here"),
    ('"slug": "citypak"', '"slug": "../citypak"', "pattern"),
    ('"slug": "citypak",', '"slug": "citypak", "slug": "other",', "it is there twice"),
    ('"ascii_only": true,', '"ascii_only": true,,', "this is no JSON"),
    ('"name": "Authorization",', "", "needs name and secret"),
    ('"path": "/customer_api/v1/track"', '"path": "/t/{secret.api_token}"', "a secret does not"),
    ('"method": "GET"', '"method": "EXEC"', "'GET'"),
]


@pytest.mark.parametrize(("good", "bad", "reason"), MISTAKES, ids=[one[1] for one in MISTAKES])
def test_a_mistake_is_refused_with_its_line_and_reason(good: str, bad: str, reason: str) -> None:
    assert good in TEXT
    with pytest.raises(BadProfile) as caught:
        load_profile(TEXT.replace(good, bad, 1), "citypak")
    found = {mistake.line: mistake.reason for mistake in caught.value.mistakes}
    near = line(TEXT, good)
    # What a whole object lacks is told where the object begins.
    assert any(reason in why and near - 3 <= at <= near + 1 for at, why in found.items()), found
    assert str(caught.value).startswith("citypak: line ")


def test_every_mistake_is_told_at_once() -> None:
    text = TEXT.replace('"basis":', '"bassis":').replace('"dl": "delivered"', '"dl": "gone"')
    with pytest.raises(BadProfile) as caught:
        load_profile(text)
    assert [mistake.line for mistake in caught.value.mistakes] == [
        line(TEXT, '"basis":'),
        line(TEXT, '"dl": "delivered"'),
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '"x"', "[" * 100_000, "{}" + " " * 300_000]
)
def test_what_is_no_profile(text: str) -> None:
    with pytest.raises(BadProfile):
        load_profile(text)


def test_lines() -> None:
    text = '{\n "a": [1,\n  {"b": "x:,{}\\"", "c": []}],\n "d": null}'
    assert lines_of(text) == {
        (): 1,
        ("a",): 2,
        ("a", 0): 2,
        ("a", 1): 3,
        ("a", 1, "b"): 3,
        ("a", 1, "c"): 3,
        ("d",): 4,
    }
    with pytest.raises(Repeated):
        lines_of('{"a": 1, "a": 2}')


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_profiles_say_what_they_need(path: Path) -> None:
    found = courier(path.name.removesuffix(".profile.json"))
    named = {one.name for one in found.fields}
    assert {"environment", "base_url", "timezone"} <= named
    assert any(one.secret for one in found.fields)
    assert isinstance(found, ProfileCourier)
    assert found.profile.basis


def test_fields_come_from_the_file() -> None:
    fields = {one.name: one for one in courier("curfox").fields}
    assert fields["email"].secret
    assert fields["password"].secret
    assert not fields["tenant"].secret
    assert fields["tenant"].required
    found = courier("curfox")
    with pytest.raises(Paused, match="Tenant"):
        found.account(connection("curfox", tenant=""))


def test_without_a_known_address_a_person_gives_it() -> None:
    with pytest.raises(Paused, match="no known production address"):
        courier("ceylinco").account(connection("ceylinco", base_url=""))


def test_a_connection_may_bring_its_own_profile() -> None:
    text = TEXT.replace('"slug": "citypak"', '"slug": "domex"').replace("Citypak (Falcon)", "Domex")
    found = courier_of(connection(profile=text))
    assert (found.code, found.name) == ("domex", "Domex")


# Templates


VALUES = {
    "receiver": {"name": "Nimali", "phone": "+94771234567", "phone2": ""},
    "cod": {"amount": Decimal("4500.00"), "currency": "LKR"},
    "parcel": {"pieces": 2, "weight_kg": Decimal("1.2")},
}


def test_placeholders_keep_their_type_where_they_stand_alone() -> None:
    template = {
        "name": "{receiver.name}",
        "pieces": "{parcel.pieces}",
        "weight": ["{parcel.weight_kg}"],
        "text": "{parcel.pieces} x {parcel.weight_kg} kg",
        "phone": "{receiver.phone|lk_local}",
        "second": "{receiver.phone2|lk_local?}",
        "cod": "{cod.amount|int}",
        "fixed": True,
    }
    assert filled(template, VALUES) == {
        "name": "Nimali",
        "pieces": 2,
        "weight": [Decimal("1.2")],
        "text": "2 x 1.2 kg",
        "phone": "0771234567",
        "cod": 4500,
        "fixed": True,
    }


def test_values_are_never_read_as_templates() -> None:
    values = {"receiver": {"name": "{secret.api_key}"}, "secret": {"api_key": "hidden"}}
    assert filled("{receiver.name}", values) == "{secret.api_key}"


def test_what_is_needed_is_asked_for_in_words() -> None:
    with pytest.raises(InvalidRequest, match="This courier needs lookup city id"):
        filled("{lookup.city_id}", {"lookup": {}})
    with pytest.raises(InvalidRequest, match=r"whole amounts only, not 4500\.5"):
        filled("{cod.amount|int}", {"cod": {"amount": Decimal("4500.50")}})


def test_no_cash_is_none() -> None:
    assert filled("{cod.amount}", {"cod": {}}) == 0
    assert filled({"cod": "{cod.amount?}"}, {"cod": {}}) == {}


def test_latin_letters_only() -> None:
    assert ascii_only({"a": ["Café"]}) == {"a": ["Cafe"]}
    with pytest.raises(InvalidRequest, match="in English"):
        ascii_only("නිමාලි")


# Conditions


DOCUMENT = {"status": "200", "ok": True, "n": 200, "list": [{"a": "x"}], "empty": "", "none": None}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"http": [200, 201]}, True),
        ({"http": [500]}, False),
        ({"path": "status", "equals": 200}, True),
        ({"path": "n", "equals": "200"}, True),
        ({"path": "ok", "equals": True}, True),
        ({"path": "ok", "equals": "true"}, False),
        ({"path": "status", "in": ["1", "200"]}, True),
        ({"path": "list.0.a", "present": True}, True),
        ({"path": "list.1.a", "present": True}, False),
        ({"path": "empty", "present": True}, False),
        ({"path": "none", "present": False}, True),
        ({"path": "list.0.a", "contains": "X"}, True),
        ({"path": "gone", "contains": "x"}, False),
        ({"path": "gone", "equals": ""}, False),
    ],
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    assert hold([Condition.model_validate(condition)], 200, DOCUMENT) is holds


def test_paths_lead_nowhere_else() -> None:
    assert dig(DOCUMENT, "__class__") is None
    assert dig(DOCUMENT, "list.-1") is None
    assert dig(DOCUMENT, "status.upper") is None


def test_every_message_is_kept() -> None:
    document = {"message": "Invalid.", "errors": {"city": ["required"], "phone": ["short", "bad"]}}
    assert words(document, ["message", "errors"]) == ["Invalid.", "required", "short", "bad"]
    found = courier("curfox")
    with pytest.raises(InvalidRequest) as caught:
        found.create_response(
            found.account(connection("curfox")), [domestic()], answering(422, document)
        )
    assert caught.value.messages == ("Invalid.", "required", "short", "bad")


# Asking and reading


def made(code: str, **more: Any) -> Any:
    found = courier(code)
    return found.create_request(found.account(connection(code)), [domestic(**more)], PLAIN)


def test_authentication_goes_where_the_file_says() -> None:
    track = courier("citypak").track_request(
        courier("citypak").account(connection("citypak")), ["CP1"], PLAIN
    )
    assert track.headers["Authorization"] == "Bearer test-api_token"
    assert made("citypak").json["token"] == "test-api_token"
    assert made("citypak").headers == {"Accept": "application/json"}
    assert (
        made("koombiyo", preallocated_number="7", lookup={"district_id": 1, "city_id": 2}).form[
            "apikey"
        ]
        == "test-api_key"
    )
    assert made("curfox").headers["Authorization"] == "Bearer the-token"
    assert made("skynet").headers["Token"] == "test-api_key"


@pytest.mark.parametrize(
    ("auth", "where", "value"),
    [
        ({"kind": "query", "name": "key", "value": "{secret.api_key}"}, "query", "test-api_key"),
        ({"kind": "basic", "username": "{secret.email}", "password": "{secret.password}"},
         "headers", "Basic " + base64.b64encode(b"test-email:test-password").decode()),
    ],
)  # fmt: skip
def test_other_kinds_of_authentication(auth: dict[str, str], where: str, value: str) -> None:
    document = {**json.loads(TEXT), "auth": auth}
    found = ProfileCourier(load_profile(json.dumps(document)))
    request = found.track_request(found.account(connection()), ["CP1"], PLAIN)
    assert value in getattr(request, where).values()


def test_a_number_cannot_lead_to_another_address() -> None:
    found = courier("ceylinco")
    request = found.track_request(found.account(connection("ceylinco")), ["../admin?x=1#y"], PLAIN)
    assert request.url == "https://courier.example/shipments/..%2Fadmin%3Fx%3D1%23y"


def test_weights_are_rounded_up_to_grams_and_cash_kept() -> None:
    body = made("citypak", cod=Money(Decimal("4500.50"), "LKR")).json
    assert (body["weight_g"], body["cash_on_delivery_amount"]) == (1200, Decimal("4500.50"))


def test_a_page_is_no_answer_whatever_a_rule_says() -> None:
    """Koombiyo's rule takes every 200 without history for an unknown number; a maintenance page
    is not that."""
    found = courier("koombiyo")
    account = found.account(connection("koombiyo"))
    with pytest.raises(Unavailable):
        found.track_response(account, ["1"], answering(200, text="<html>soon</html>"), PLAIN)
    with pytest.raises(NotFound):
        found.track_response(account, ["1"], answering(200, {"order_history": []}), PLAIN)


def test_a_success_without_a_number_is_no_success() -> None:
    found = courier("ceylinco")
    account = found.account(connection("ceylinco"))
    with pytest.raises(Unavailable):
        found.create_response(account, [domestic()], answering(200, {"message": "fine"}))


# Pushes


def test_fde_tells_by_form() -> None:
    found = courier("fde")
    account = found.account(connection("fde"))
    body = (
        b"waybill_id=00000001&delivery_status=Out+For+Delivery&last_update_time=2026-02-05+08:10:00"
    )
    found.verify_push(account, {}, {"key": "test-webhook_key"}, body)
    (told,) = found.parse_push(account, body).found
    assert (told.number, told.status) == ("00000001", "out_for_delivery")
    assert told.answer()["timestamp"] == "2026-02-05T02:40:00Z"
    for query in ({}, {"key": ""}, {"key": "test-webhook_kez"}):
        with pytest.raises(Forged):
            found.verify_push(account, {}, query, body)


def test_a_push_without_a_known_secret_is_refused() -> None:
    found = courier("fde")
    held = connection("fde")
    account = found.account(
        Connection("c", "o", "courier", "r", held.settings, {"api_key": "test-api_key"})
    )
    for query in ({}, {"key": ""}):
        with pytest.raises(Forged):
            found.verify_push(account, {}, query, b"")


@pytest.mark.parametrize("digest", ["hex", "base64"])
def test_signed_pushes(digest: str) -> None:
    document = json.loads(TEXT)
    secret = "{secret.webhook_token}"
    rule = {"kind": "hmac_sha256", "name": "X-Sign", "secret": secret, "digest": digest}
    document["webhook"]["verify"] = rule
    found = ProfileCourier(load_profile(json.dumps(document)))
    account = found.account(connection())
    body = b'{"tracking_number": "CP1"}'
    raw = hmac.new(b"test-webhook_token", body, hashlib.sha256).digest()
    sign = raw.hex() if digest == "hex" else base64.b64encode(raw).decode()
    found.verify_push(account, {"x-sign": sign}, {}, body)
    with pytest.raises(Forged):
        found.verify_push(account, {"x-sign": sign}, {}, body + b" ")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"<html>", b"{}", b'"x"'])
def test_what_is_no_push_is_malformed(body: bytes) -> None:
    for code in ("citypak", "fde"):
        found = courier(code)
        with pytest.raises(Malformed):
            found.parse_push(found.account(connection(code)), body)
