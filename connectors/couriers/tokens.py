"""Tokens, fetched once for all who need one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from connectors.couriers.errors import AuthError
from connectors.couriers.protocol import Token

EARLY_S = 300.0
"""A token is renewed this long before its end."""
REFUSED_S = 600.0
"""Wrong keys are not tried again sooner: FedEx blocks the address of who does."""


@dataclass(slots=True)
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str = field(default="", repr=False)
    until: float = 0.0
    refused: AuthError | None = None
    refused_until: float = 0.0


class Tokens:
    """One token a scope. `clock` counts seconds."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[Token]], clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: dict[str, _Held] = {}

    async def get(self, scope: str) -> str:
        """The token; whoever comes while it is being fetched waits for the same. Raises what
        fetching raised."""
        held = self._held.setdefault(scope, _Held())
        async with held.lock:
            now = self._clock()
            if held.token and now < held.until:
                return held.token
            if held.refused is not None and now < held.refused_until:
                raise held.refused
            try:
                token = await self._fetch(scope)
            except AuthError as error:
                held.refused, held.refused_until = error, now + REFUSED_S
                raise
            early = min(EARLY_S, token.lifetime_s / 5)
            held.token, held.until = token.value, now + token.lifetime_s - early
            held.refused = None
            return held.token

    def drop(self, scope: str, token: str) -> None:
        """The courier refused this one. A newer one, fetched meanwhile, is kept."""
        held = self._held.get(scope)
        if held is not None and held.token == token:
            held.token = ""
