"""Addresses that people type lead to no private network, whatever they look like."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from connectors.errors import Paused
from connectors.network import Guarded, is_public, read_networks, way_out


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("127.0.0.1", False), ("10.1.2.3", False), ("169.254.169.254", False),
     ("192.168.0.1", False), ("::1", False), ("fe80::1%eth0", False), ("0.0.0.0", False),  # noqa: S104
     ("::ffff:10.0.0.1", False), ("224.0.0.1", False), ("2606:4700::1111", True)],
)  # fmt: skip
def test_private_addresses_are_known(address: str, public: bool) -> None:
    assert is_public(address) is public


class Recorded(httpx.AsyncBaseTransport):
    """The network as seen from behind the guard."""

    def __init__(self, refusing: tuple[str, ...] = ()) -> None:
        self.asked: list[httpx.Request] = []
        self._refusing = refusing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.host in self._refusing:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(204)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[tuple[str, int]]:
    """Names resolve to these lists of addresses, one after the other; returns what was asked."""
    asked: list[tuple[str, int]] = []
    left = list(answers)

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append((host, port))
        addresses = left.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    return asked


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    inner = Recorded()
    async with httpx.AsyncClient(transport=Guarded(inner)) as client:
        await client.get("https://shop.example/wp-json/")
        await client.get("https://shop.example/again")  # the rebound name is not asked for
    assert asked == [("shop.example", 443)]
    (first, second) = inner.asked
    assert first.url.host == second.url.host == "93.184.216.34"
    assert first.headers["host"] == "shop.example"
    assert first.extensions["sni_hostname"] == "shop.example"
    assert first.url.path == "/wp-json/"


async def test_a_rebound_name_is_refused_once_its_answer_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["93.184.216.34"], ["169.254.169.254"])
    now = [0.0]
    guarded = Guarded(Recorded(), clock=lambda: now[0])
    async with httpx.AsyncClient(transport=guarded) as client:
        await client.get("https://shop.example/")
        now[0] = 31.0
        with pytest.raises(Paused, match="private network"):
            await client.get("https://shop.example/")


async def test_one_private_address_among_several_is_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.5"])
    inner = Recorded()
    async with httpx.AsyncClient(transport=Guarded(inner)) as client:
        with pytest.raises(Paused):
            await client.get("https://shop.example/")
    assert inner.asked == []


async def test_the_next_address_is_tried_where_the_first_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["93.184.216.34", "93.184.216.35"])
    inner = Recorded(refusing=("93.184.216.34",))
    async with httpx.AsyncClient(transport=Guarded(inner)) as client:
        answer = await client.post("https://shop.example/", content=b"body")
    assert answer.status_code == 204
    assert [request.url.host for request in inner.asked] == ["93.184.216.34", "93.184.216.35"]


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "localhost.", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_spellings_of_this_machine(host: str) -> None:
    async with httpx.AsyncClient(transport=Guarded(Recorded())) as client:
        with pytest.raises((Paused, httpx.ConnectError)):
            await client.get(f"http://{host}/")


async def test_a_network_that_is_meant_is_reached() -> None:
    inner = Recorded()
    guarded = Guarded(inner, read_networks("127.0.0.0/8, fd00::/8"))
    async with httpx.AsyncClient(transport=guarded) as client:
        await client.get("http://127.0.0.1/")
        with pytest.raises(Paused):
            await client.get("http://10.0.0.1/")
    assert len(inner.asked) == 1


async def test_on_trial_the_network_is_the_clients_own() -> None:
    assert way_out(None, 4) is None
    guarded = way_out((), 4)
    assert isinstance(guarded, Guarded)
    await guarded.aclose()
