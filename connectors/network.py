"""The way out, which leads where it may lead: an address typed by a person must not become a door
into the network this runs in (OWASP API7, server-side request forgery).

A name is resolved here, all its addresses are checked, and the connection goes to the very address
that was checked: a name that answers otherwise the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence

import httpx

from connectors.errors import Paused
from connectors.protocol import Network

PORTS = {"http": 80, "https": 443}
KEPT_S = 30.0
MOST_KEPT = 1_000
PRIVATE = (
    "the address leads into a private network; where that is meant, name the network in"
    " SMARTSTORE_PRIVATE_NETWORKS (for a courier on trial: allow_private_addresses)"
)


class Guarded(httpx.AsyncBaseTransport):
    """Looks where a name leads before it goes there. `networks`: private ones that are meant."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        networks: Sequence[Network] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._networks = tuple(networks)
        self._clock = clock
        self._kept: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises Paused for a private address, ConnectError for a name that leads nowhere."""
        host = request.url.host
        failed: httpx.ConnectError | None = None
        for address in await self._addresses(request):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # Host names the shop still
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except httpx.ConnectError as error:
                failed = error
        raise failed or httpx.ConnectError("the name leads nowhere", request=request)

    async def aclose(self) -> None:
        """Closes the inner one."""
        await self._inner.aclose()

    async def _addresses(self, request: httpx.Request) -> list[str]:
        host = request.url.host
        place = (host, request.url.port or PORTS.get(request.url.scheme, 443))
        kept = self._kept.get(place)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(*place, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise httpx.ConnectError("the name leads nowhere", request=request) from None
        found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if not all(is_public(address) or self._is_meant(address) for address in found):
            raise Paused(PRIVATE)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[place] = (self._clock() + KEPT_S, found)
        return found

    def _is_meant(self, address: str) -> bool:
        found = _plain(address)
        return any(found in network for network in self._networks)


def is_public(address: str) -> bool:
    """An address anybody can reach."""
    found = _plain(address)
    return found.is_global and not found.is_multicast


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def read_networks(text: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, fd00::/8` as networks. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def way_out(
    networks: Sequence[Network] | None, connections: int
) -> httpx.AsyncBaseTransport | None:
    """The network, guarded; None (the HTTP client's own) where `Connection.networks` is None."""
    if networks is None:
        return None
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return Guarded(httpx.AsyncHTTPTransport(limits=limits, trust_env=False), networks)
