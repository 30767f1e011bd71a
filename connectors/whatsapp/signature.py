"""Meta's signature over the raw body, and the answer to its verification call. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from connectors.errors import Forged

HEADER = "x-hub-signature-256"


def verify(app_secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """`X-Hub-Signature-256: sha256=<hex>` with Meta's app secret. Raises Forged."""
    if not app_secret:
        raise Forged("no app secret is set for this number")
    given = headers.get(HEADER, "")
    if not given:
        raise Forged("there is no signature")
    if not hmac.compare_digest(signature_of(app_secret, body).encode(), given.strip().encode()):
        raise Forged("the signature does not match the body")


def signature_of(app_secret: str, body: bytes) -> str:
    """What Meta sends."""
    return f"sha256={hmac.digest(app_secret.encode(), body, 'sha256').hex()}"


def challenge(verify_token: str, query: Mapping[str, str]) -> str:
    """The body that answers `GET ?hub.mode=subscribe&...`, as plain text. Raises Forged (403)."""
    given = query.get("hub.verify_token", "")
    if (
        query.get("hub.mode") != "subscribe"
        or not verify_token
        or not hmac.compare_digest(given.encode(), verify_token.encode())
    ):
        raise Forged("the verify token is not ours")
    return query.get("hub.challenge", "")
