"""What the carriers' pushes have in common: who sends them, and which parcels they are about. Pure.

None of them signs in a way that is published, except FedEx. Where a carrier only lets us name the
address, that address ends in `?key=...`, a text of the merchant's own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from connectors.couriers.protocol import Field
from connectors.couriers.reading import Record, text
from connectors.errors import Forged, Malformed

PUSHED = "pushed"
"""The topic of a raw push."""
KEY = Field(
    "push_key",
    "Key of its pushes",
    secret=True,
    required=False,
    help="a long text of your own; the address to give to the courier ends in ?key= and this",
)
MOST_NUMBERS = 500


def check_key(expected: str, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """By the address, or by a header of the courier's portal. Raises Forged."""
    if not expected:
        raise Forged("the key of this courier's pushes is not set")
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    given = (query.get("key", ""), headers.get("credential", ""), bearer)
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in given):
        raise Forged("the push does not prove where it is from")


def check_signature(secret: str, given: str, body: bytes) -> None:
    """Base64 of HMAC-SHA256 over the raw body. Raises Forged."""
    if not secret:
        raise Forged("the key of this courier's pushes is not set")
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(given.encode(), expected):
        raise Forged("the push does not prove where it is from")


def document_of(body: bytes) -> Record:
    """Its JSON object. Raises Malformed."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("the push is no JSON") from error
    if not isinstance(found, dict):
        raise Malformed("the push is no JSON object")
    return found


def numbers_in(document: Record) -> tuple[str, ...]:
    """Every `trackingNumber`, wherever it stands. Raises Malformed where there is none."""
    found = tuple(dict.fromkeys(_numbers(document)))[:MOST_NUMBERS]
    if not found:
        raise Malformed("the push names no shipment")
    return found


def _numbers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if number := text(value.get("trackingNumber")):
            yield number
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
