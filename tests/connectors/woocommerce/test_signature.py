from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from connectors.errors import Forged
from connectors.woocommerce.signature import verify
from tests.connectors.woocommerce.conftest import sample

EXCHANGE = sample("exchange_webhook")
SECRET = EXCHANGE["secret"]
NOW_MS = 1_784_522_405_000
BODY = '{"topic":"product.updated","data":{"id":412,"name":"තේ"}}'


def headers_of(delivery: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in delivery["headers"].items()}


@pytest.mark.parametrize("delivery", EXCHANGE["deliveries"])
def test_native_deliveries_verify_over_raw_bytes(delivery: dict[str, Any]) -> None:
    body = delivery["raw_body"].encode()
    verify(SECRET, headers_of(delivery), body, NOW_MS)
    for forged in (body + b" ", body.replace(b"\\/", b"/") + b"\n", b""):
        with pytest.raises(Forged):
            verify(SECRET, headers_of(delivery), forged, NOW_MS)
    with pytest.raises(Forged):
        verify("another", headers_of(delivery), body, NOW_MS)


def standard(key: bytes | str, sent_at: int, body: str = BODY) -> dict[str, str]:
    signature = Webhook(key).sign("msg_1", datetime.fromtimestamp(sent_at, UTC), body)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,AAAA {signature}",
    }


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("plain secret", b"plain secret"),
        (SECRET, SECRET.encode()),
    ],
)
def test_standard_webhooks(secret: str, key: bytes | str) -> None:
    sent_at = NOW_MS // 1000
    verify(secret, standard(key, sent_at), BODY.encode(), NOW_MS)
    with pytest.raises(Forged):
        verify(secret, standard(key, sent_at), BODY.encode() + b" ", NOW_MS)


def test_the_standards_own_example() -> None:
    """From the specification's reference libraries: their test vector."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    verify(secret, headers, b'{"test": 2432232314}', 1_614_265_330_000)


@pytest.mark.parametrize("skew_s", [-301, 301])
def test_a_replay_outside_five_minutes_is_refused(skew_s: int) -> None:
    headers = standard(b"key", NOW_MS // 1000 + skew_s)
    with pytest.raises(Forged):
        verify("key", headers, BODY.encode(), NOW_MS)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "v1,තේ"},
        {"webhook-timestamp": "NaN"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": ""},
        {"webhook-id": ""},
    ],
)
def test_broken_headers_are_forged_not_errors(changed: dict[str, str]) -> None:
    headers = {**standard(b"key", NOW_MS // 1000), **changed}
    with pytest.raises(Forged):
        verify("key", headers, BODY.encode(), NOW_MS)


def test_nothing_to_verify() -> None:
    with pytest.raises(Forged, match="no signature"):
        verify("key", {}, b"webhook_id=17", NOW_MS)
    with pytest.raises(Forged, match="no webhook secret"):
        verify("", {"x-wc-webhook-signature": "AAAA"}, b"{}", NOW_MS)
    with pytest.raises(Forged):
        verify("key", standard(b"key", NOW_MS // 1000), b"\xff\xfe", NOW_MS)
