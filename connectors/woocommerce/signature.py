"""Who sent this: WooCommerce's own signature, and Standard Webhooks for the plugin. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from connectors.errors import Forged

TOLERANCE_S = 300
"""Standard Webhooks' own tolerance (its libraries: 5 minutes either way)."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> None:
    """Check whichever signature is there, over the raw bytes. Raises Forged."""
    if not secret:
        raise Forged("no webhook secret is set for this shop")
    if "webhook-signature" in headers:
        _verify_standard(secret, headers, body, now_ms)
    elif "x-wc-webhook-signature" in headers:
        _verify_native(secret, headers["x-wc-webhook-signature"], body)
    else:
        raise Forged("there is no signature")


def native_signature(secret: str, body: bytes) -> str:
    """What core sends: base64 of HMAC-SHA256 over the body alone."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def _verify_native(secret: str, given: str, body: bytes) -> None:
    if not hmac.compare_digest(native_signature(secret, body).encode(), given.strip().encode()):
        raise Forged("the signature does not match the body")


def _keys(secret: str) -> list[bytes]:
    """`whsec_` announces base64. Other text is the key itself, or base64 as libraries read it."""
    text = secret.removeprefix(SECRET_PREFIX)
    keys = [] if text != secret else [secret.encode()]
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if decoded:
        keys.append(decoded)
    return keys


def _verify_standard(secret: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> None:
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not identifier or not stamp.isdecimal() or len(stamp) > 12:
        raise Forged("webhook-id or webhook-timestamp is missing or wrong")
    sent_at = int(stamp)
    if abs(sent_at - now_ms / 1000) > TOLERANCE_S:
        raise Forged("the delivery is too old, or its clock is wrong")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Forged("the signature does not match the body") from None
    moment = datetime.fromtimestamp(sent_at, UTC)
    given = [part.encode() for part in headers["webhook-signature"].split()]
    for key in _keys(secret):
        expected = Webhook(key).sign(identifier, moment, text).encode()
        if any(hmac.compare_digest(expected, one) for one in given):
            return
    raise Forged("the signature does not match the body")
