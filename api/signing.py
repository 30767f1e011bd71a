"""Who signed a delivery: by the connection's secrets, or by those that were replaced just now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from connectors.errors import Forged
from connectors.protocol import Connection
from connectors.registry import connector


def check_signature(
    connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
) -> None:
    """By the platform's own rules. Raises Forged."""
    platform = connector(connection.platform)
    with_either(connection, lambda known: platform.verify(known, headers, body, now_ms))


def with_either(connection: Connection, check: Callable[[Connection], None]) -> None:
    """With what it has, else with what it had. Raises Forged, of the first."""
    try:
        check(connection)
    except Forged:
        if not connection.former:
            raise
        try:
            check(replace(connection, secrets={**connection.secrets, **connection.former}))
        except Forged:
            pass
        else:
            return
        raise
