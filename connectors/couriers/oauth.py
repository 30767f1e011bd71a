"""Tokens of OAuth's client credentials, as FedEx and UPS give them. Pure."""

from __future__ import annotations

from connectors.couriers.errors import Unavailable
from connectors.couriers.protocol import Token
from connectors.couriers.reading import Record, text

SHORTEST_S = 60.0
GRANT = {"grant_type": "client_credentials"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def token_of(document: Record) -> Token:
    """FedEx tells the lifetime as a number, UPS as text. Raises Unavailable."""
    value = text(document.get("access_token"))
    if not value:
        raise Unavailable("the courier answered without a token")
    try:
        lifetime_s = float(text(document.get("expires_in")))
    except ValueError:
        lifetime_s = SHORTEST_S
    return Token(value, lifetime_s, text(document.get("token_type")) or "bearer")
