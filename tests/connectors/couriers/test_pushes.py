"""What carriers send by themselves: who may, and what it says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from connectors.couriers.connector import CONNECTOR
from connectors.couriers.model import Tracking
from connectors.couriers.pushes import PUSHED
from connectors.couriers.registry import courier
from connectors.errors import Forged, Malformed
from connectors.protocol import Connection
from tests.support.couriers import FIXTURES, SECRETS, SETTINGS

KEYS = {"push_key": "a-long-text-of-ours", "push_secret": "fedex-token"}


def connection(code: str, **secrets: str) -> Connection:
    settings = {"courier": code, **SETTINGS[code]}
    return Connection("c", "kandy", "courier", f"courier:{code}", settings, {**SECRETS, **secrets})


def verify(code: str, headers: dict[str, str], query: dict[str, str], body: bytes) -> None:
    found = courier(code)
    found.verify_push(found.account(connection(code, **KEYS)), headers, query, body)


def told(code: str, document: Any) -> Tracking:
    parsed = CONNECTOR.parse(connection(code), PUSHED, {}, json.dumps(document).encode(), 0)
    (found,) = parsed.told
    assert isinstance(found, Tracking)
    return found


@pytest.mark.parametrize("code", ["dhl", "ups"])
def test_a_key_in_the_address_or_a_header(code: str) -> None:
    verify(code, {}, {"key": KEYS["push_key"]}, b"{}")
    verify(code, {"credential": KEYS["push_key"]}, {}, b"{}")
    verify(code, {"authorization": f"Bearer {KEYS['push_key']}"}, {}, b"{}")
    for headers, query in (({}, {}), ({}, {"key": "other"}), ({"credential": ""}, {"key": ""})):
        with pytest.raises(Forged):
            verify(code, headers, query, b"{}")


@pytest.mark.parametrize("code", ["dhl", "ups", "fedex"])
def test_without_a_key_nobody_may(code: str) -> None:
    found = courier(code)
    account = found.account(connection(code))
    assert not found.traits(account).pushes
    empty = base64.b64encode(hmac.new(b"", b"{}", hashlib.sha256).digest()).decode()
    with pytest.raises(Forged):
        found.verify_push(account, {"fdx-signature": empty}, {"key": ""}, b"{}")


def test_fedex_signs_the_raw_body() -> None:
    """Contract: base64 of HMAC-SHA256 over the raw body."""
    body = b'{"trackingNumber": "122816215025810"}'
    digest = hmac.new(KEYS["push_secret"].encode(), body, hashlib.sha256).digest()
    signed = {"fdx-signature": base64.b64encode(digest).decode()}
    verify("fedex", signed, {}, body)
    with pytest.raises(Forged):
        verify("fedex", signed, {}, body + b" ")


def test_dhl_tells_shipments_as_its_tracking_does() -> None:
    sample = json.loads((FIXTURES / "dhl" / "unified_track_delivered.json").read_text())
    (found,) = told("dhl", sample["response"]["json"]).found
    expected = sample["expect"]["tracking"][0]
    assert (found.number, found.status) == (expected["number"], expected["status"])


def test_dhls_subscription_hands_over_its_secret() -> None:
    found = courier("dhl")
    account = found.account(connection("dhl"))
    body = b'{"scope": "subscription.created", "secret": "s3", "self": "https://api.dhl.com/x"}'
    assert found.handshake(account, body) == {"push_secret": "s3"}
    assert found.handshake(account, b'{"shipments": [{"id": "1"}]}') == {}


def test_ups_and_fedex_are_reasons_to_ask() -> None:
    """Track Alert's fields, of the contract."""
    alert = {
        "trackingNumber": "1Z12345E0205271688", "localActivityDate": "20260206",
        "activityStatus": {"type": "D", "code": "FS", "description": "DELIVERED"},
    }  # fmt: skip
    assert told("ups", alert) == Tracking(hints=("1Z12345E0205271688",))
    nested = {"payload": [{"trackingNumber": "1"}, {"info": {"trackingNumber": "2"}}]}
    assert told("fedex", nested).hints == ("1", "2")


@pytest.mark.parametrize("code", ["dhl", "ups", "fedex"])
@pytest.mark.parametrize("document", [{}, [], "x", {"shipments": [{}]}])
def test_what_names_no_shipment_is_kept_as_not_understood(code: str, document: Any) -> None:
    with pytest.raises(Malformed):
        told(code, document)
