"""Two api processes behind one Redis and one Kafka, as behind a load balancer that picks either."""

from __future__ import annotations

import asyncio
import json

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from api.clients import RealTimeSync
from runtime.demo.merchant import Merchant
from support.small_shop import item, settled, stock_up
from support.waiting import until

ITEMS = 3

pytestmark = pytest.mark.timeout(120)


async def test_clients_of_both_hear_the_same(merchant: Merchant, api_urls: tuple[str, str]) -> None:
    heard: tuple[list[str], list[str]] = ([], [])

    async def listen(sync: RealTimeSync, into: list[str]) -> None:
        async for event in sync.events():
            into.append(event.cursor)

    clients = [RealTimeSync(url, merchant.organization_id, merchant.api_key) for url in api_urls]
    async with clients[0], clients[1]:
        tasks = [
            asyncio.create_task(listen(client, into))
            for client, into in zip(clients, heard, strict=True)
        ]
        await stock_up(merchant, ITEMS, 10)
        for place in range(ITEMS):
            await merchant.set_product(item(merchant, place), name=f"Renamed {place}")
        await settled(merchant)

        async def both() -> tuple[list[str], list[str]]:
            return heard

        # A product is told of as it comes and as it is renamed.
        await until(both, lambda found: found[0] == found[1] and len(found[0]) >= 2 * ITEMS)
        for task in tasks:
            task.cancel()
    assert len(set(heard[0])) == len(heard[0])


async def test_a_ticket_of_one_opens_the_other_once(
    merchant: Merchant, api_urls: tuple[str, str]
) -> None:
    ticket = (await merchant.ask("POST", "/api/ws/ticket"))["ticket"]
    offered = [websockets.Subprotocol(name) for name in ("smartstore.v1", f"ticket.{ticket}")]
    first, second = (f"{url.replace('http', 'ws', 1)}/ws" for url in api_urls)
    async with websockets.connect(second, subprotocols=offered) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"
    async with websockets.connect(first, subprotocols=offered) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4401, "not signed in"
