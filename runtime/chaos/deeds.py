"""Things that are done to a running system besides killing its parts. Each raises nothing that is
the fault's own doing."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import httpx
from pymongo.errors import AutoReconnect, OperationFailure

from runtime.demo.merchant import Merchant
from runtime.demo.system import System
from schemas.topics import INBOUND, OBSERVATIONS, OUTCOMES
from streams.cache import open_cache
from streams.database import open_database
from streams.kafka import Outgoing, Publisher

POISON = (b"", b"\x00\xff not json", b'{"kind":"seen"', b'{"kind":"nobody knows"}', b"[" * 5_000)
BIG = 10_000_000
Deed = Callable[[System, Merchant], Coroutine[Any, Any, None]]


class NotRefused(RuntimeError):
    """Something was taken that should not have been."""


async def flush_redis(system: System, _merchant: Merchant) -> None:
    """Everything in Redis is gone."""
    cache = open_cache(system.endpoints())
    await cache.flushall()
    await cache.aclose()


async def step_down(system: System, _merchant: Merchant) -> None:
    """The primary gives up; after two seconds it may be elected again."""
    database = open_database(system.endpoints())
    with suppress(AutoReconnect, OperationFailure):
        await database.client.admin.command("replSetStepDown", 2, force=True)
    await database.client.close()


async def lose_token(system: System, _merchant: Merchant) -> None:
    """The change stream's place is forgotten: a snapshot must make up for it."""
    database = open_database(system.endpoints())
    await database["ss_checkpoints"].update_many(
        {"token": {"$exists": True}}, {"$set": {"token": {"_data": "8200"}}}
    )
    await database.client.close()


async def poison(system: System, _merchant: Merchant) -> None:
    """Records that nobody can read, in three topics."""
    publisher = Publisher(system.endpoints())
    for topic in (INBOUND, OBSERVATIONS, OUTCOMES):
        for number, value in enumerate(POISON):
            await publisher.publish(Outgoing(topic, f"poison/{number}".encode(), value))
    await publisher.stop()


async def big_bodies(_system: System, merchant: Merchant) -> None:
    """Bodies of 10 MB, plain and as a gzip bomb, signed and not. Raises NotRefused."""
    bomb = gzip.compress(b"0" * BIG * 10)
    paths = (
        f"/api/webhooks/woocommerce/{merchant.organization_id}",
        "/api/webhooks/whatsapp",
        "/api/integrations/pair",
        "/api/events",
    )
    async with httpx.AsyncClient(base_url=merchant.web.base_url, timeout=30) as client:
        for path in paths:
            for body, headers in ((b"0" * BIG, {}), (bomb, {"content-encoding": "gzip"})):
                with suppress(httpx.TransportError):  # the connection may be closed on us
                    answer = await client.post(path, content=body, headers=headers)
                    if answer.status_code < 400:
                        raise NotRefused(f"{path} answered {answer.status_code}")


DEEDS: dict[str, Deed] = {
    "flush redis": flush_redis,
    "step down": step_down,
    "lose token": lose_token,
    "poison": poison,
    "big bodies": big_bodies,
}
