"""The way out, which leads to public addresses only: a courier's address may be typed by a person,
and must not become a door into the network this runs in."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import httpx

from connectors.errors import Paused

PORTS = {"http": 80, "https": 443}
PRIVATE = (
    "the courier's address is inside a private network; where that is meant, set"
    " allow_private_addresses to true"
)


class PublicOnly(httpx.AsyncBaseTransport):
    """Looks where a name leads before it goes there."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises Paused for a private address."""
        url = request.url
        port = url.port or PORTS.get(url.scheme, 443)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                url.host, port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise httpx.ConnectError("the name leads nowhere", request=request) from None
        if not all(is_public(str(address[4][0])) for address in found):
            raise Paused(PRIVATE)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes the inner one."""
        await self._inner.aclose()


def is_public(address: str) -> bool:
    """An address anybody can reach."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def public_transport(connections: int) -> httpx.AsyncBaseTransport:
    """The network, guarded."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return PublicOnly(httpx.AsyncHTTPTransport(limits=limits, trust_env=False))
