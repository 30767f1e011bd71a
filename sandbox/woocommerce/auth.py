"""Who calls: HTTP Basic, key and secret in the query, or OAuth 1.0a with one leg."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from oauthlib.oauth1.rfc5849 import signature

from sandbox.http import Call
from sandbox.woocommerce.errors import ShopError
from sandbox.woocommerce.shop import Key, Shop

OAUTH_WINDOW_S = 15 * 60
NONCES_KEPT = 10_000


@dataclass(slots=True)
class _SignedRequest:
    """The shape that oauthlib's verifiers read."""

    uri: str
    http_method: str
    params: list[tuple[str, str]]
    signature: str


def authentication_error(message: str) -> ShopError:
    return ShopError(401, "woocommerce_rest_authentication_error", message)


def _by_secret(shop: Shop, consumer_key: str, consumer_secret: str) -> Key | None:
    key = shop.keys.get(consumer_key)
    if key is None:
        return None
    if key.consumer_secret != consumer_secret:
        raise authentication_error("Consumer secret is invalid.")
    return key


def _basic(shop: Shop, header: str) -> Key | None:
    try:
        decoded = base64.b64decode(header[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    consumer_key, _, consumer_secret = decoded.partition(":")
    return _by_secret(shop, consumer_key, consumer_secret)


def _oauth(shop: Shop, call: Call, header: str) -> Key:
    # WordPress signs the path as the shop's own address has it; here that is the address called.
    collected = signature.collect_parameters(
        uri_query=call.query_string,
        headers={"Authorization": header} if header else {},
        exclude_oauth_signature=False,
        with_realm=False,
    )
    given = dict(collected)
    missing = [
        name
        for name in ("timestamp", "nonce", "signature", "signature_method")
        if not given.get(f"oauth_{name}")
    ]
    if missing:
        raise authentication_error(f"Missing OAuth parameter oauth_{missing[0]}.")
    key = shop.keys.get(given.get("oauth_consumer_key", ""))
    if key is None:
        raise authentication_error("Consumer key is invalid.")
    _verify_signature(call, key, given, collected)
    _verify_freshness(shop, key, given)
    return key


def _verify_signature(
    call: Call, key: Key, given: dict[str, str], collected: list[tuple[str, str]]
) -> None:
    verifiers: dict[str, Any] = {
        "HMAC-SHA1": signature.verify_hmac_sha1,
        "HMAC-SHA256": signature.verify_hmac_sha256,
    }
    verify = verifiers.get(given["oauth_signature_method"])
    if verify is None:
        raise authentication_error("Invalid signature - signature method is invalid.")
    request = _SignedRequest(
        uri=call.url.partition("?")[0],
        http_method=call.method,
        params=[(name, value) for name, value in collected if name != "oauth_signature"],
        signature=given["oauth_signature"],
    )
    if not verify(request, client_secret=key.consumer_secret, resource_owner_secret=""):
        raise authentication_error("Invalid signature - provided signature does not match.")


def _verify_freshness(shop: Shop, key: Key, given: dict[str, str]) -> None:
    stamp = given["oauth_timestamp"]
    if not stamp.isdigit() or abs(int(stamp) - shop.clock.now()) > OAUTH_WINDOW_S:
        raise authentication_error("Invalid timestamp.")
    nonce = (key.consumer_key, given["oauth_nonce"])
    if nonce in shop.nonces:
        raise authentication_error("Invalid nonce - nonce has already been used.")
    shop.nonces[nonce] = int(stamp)
    # What is too old is refused by its timestamp, so its nonce need not be kept.
    while len(shop.nonces) > NONCES_KEPT:
        oldest = next(iter(shop.nonces))
        if shop.nonces[oldest] > shop.clock.now() - 2 * OAUTH_WINDOW_S:
            break
        del shop.nonces[oldest]


def identify(shop: Shop, call: Call) -> Key | None:
    """The caller's key, or none for anonymous; a wrong secret or signature is an error."""
    header = call.header(b"authorization")
    if header.startswith("Basic "):
        return _basic(shop, header)
    if header.startswith("OAuth ") or "oauth_consumer_key=" in call.query_string:
        return _oauth(shop, call, header)
    if "consumer_key=" in call.query_string:
        query = call.query
        return _by_secret(shop, query.get("consumer_key", ""), query.get("consumer_secret", ""))
    return None
