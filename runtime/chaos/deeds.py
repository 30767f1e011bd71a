"""Things that are done to a running system besides killing its parts. Each notes what it finds with
its `Ground`, and raises nothing that is the fault's own doing."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from pymongo.errors import AutoReconnect, OperationFailure

from runtime.chaos.ground import Ground, Peak
from schemas.topics import INBOUND, OBSERVATIONS, OUTCOMES
from streams.archive.checking import check
from streams.archive.location import locate
from streams.archive.manifest import Manifest
from streams.archive.reading import open_archive
from streams.cache import open_cache
from streams.database import open_database
from streams.ending import ended
from streams.kafka import Outgoing, Publisher

POISON = (b"", b"\x00\xff not json", b'{"kind":"seen"', b'{"kind":"nobody knows"}', b"[" * 5_000)
BIG = 10_000_000
BOMB = 100_000_000
"""Bytes that unpack from a hundred kilobytes."""
BIG_AT_ONCE = 4
MOST_GROWTH_MB = 64.0
FULL_S = 10.0
"""So long a disk stays full."""
ARCHIVE_SAYS_S = 60.0
_LOOK_EVERY_S = 0.05
_FILL_EVERY_S = 0.25
Deed = Callable[[Ground], Coroutine[Any, Any, None]]


async def flush_redis(ground: Ground) -> None:
    """Everything in Redis is gone."""
    cache = open_cache(ground.system.endpoints())
    await cache.flushall()
    await cache.aclose()


async def step_down(ground: Ground) -> None:
    """The primary gives up; after two seconds it may be elected again."""
    database = open_database(ground.system.endpoints())
    with suppress(AutoReconnect, OperationFailure):
        await database.client.admin.command("replSetStepDown", 2, force=True)
    await database.client.close()


async def lose_token(ground: Ground) -> None:
    """The reader dies, and what it saved is older than anything the oplog still has: a snapshot
    must make up for it."""
    database = open_database(ground.system.endpoints())
    rows = database["ss_checkpoints"]
    ground.system.kill("cdc")
    async for row in rows.find({"token._data": {"$exists": True}}):
        token = row["token"]["_data"]
        # A token is 82, then the seconds and the number of its operation, in hexadecimal.
        old = f"{token[:2]}{1:08X}{token[10:]}"
        await rows.update_one({"_id": row["_id"]}, {"$set": {"token._data": old}})
    await database.client.close()


async def poison(ground: Ground) -> None:
    """Records that nobody can read, in three topics: each must be parked."""
    publisher = Publisher(ground.system.endpoints())
    for topic in (INBOUND, OBSERVATIONS, OUTCOMES):
        for number, value in enumerate(POISON):
            key = f"{ground.merchant.organization_id}/poison/{number}"
            ground.letters.add((topic.name, key))
            await publisher.publish(Outgoing(topic, key.encode(), value))
    await publisher.stop()


async def big_bodies(ground: Ground) -> None:
    """Bodies of 10 MB, with and without their length told, and gzip bombs, several at once. None
    may be taken, and the memory of who refuses them may not grow with them."""
    merchant = ground.merchant
    bomb = gzip.compress(b"0" * BOMB)
    paths = (
        f"/api/webhooks/woocommerce/{merchant.organization_id}",
        "/api/webhooks/whatsapp",
        "/api/integrations/pair",
        "/api/events",
        "/api/conflicts/none/resolve",
    )
    packed = {"content-encoding": "gzip"}
    bodies: tuple[tuple[Any, dict[str, str]], ...] = (
        (b"0" * BIG, {}), (_pieces, {}), (bomb, packed), (_pieces_of(bomb), packed),
    )  # fmt: skip
    turns = asyncio.Semaphore(BIG_AT_ONCE)
    memory = Peak(lambda: ground.memory_mb("api"))

    async def send(client: httpx.AsyncClient, path: str, body: Any, headers: Any) -> None:
        content = body() if callable(body) else body
        headers = {"X-API-Key": merchant.api_key, **headers}
        async with turns:
            with suppress(httpx.TransportError):  # the connection may be closed on us
                answer = await client.post(path, content=content, headers=headers)
                if answer.status_code < 400 or answer.status_code >= 500:
                    ground.wrong("unsound", f"{path} answered {answer.status_code}")

    async with httpx.AsyncClient(base_url=merchant.web.base_url, timeout=30) as client:
        sending = asyncio.gather(
            *(send(client, path, body, headers) for path in paths for body, headers in bodies)
        )
        while not sending.done():
            memory.again()
            await asyncio.wait({sending}, timeout=_LOOK_EVERY_S)
        await sending
    ground.figures["api_grew_mb"] = round(memory.grown, 1)
    if memory.grown > MOST_GROWTH_MB:
        ground.wrong("unsound", f"the api grew by {memory.grown:.0f} MB")


async def _pieces() -> Any:
    """A body whose length nobody is told beforehand."""
    for _ in range(BIG // 50_000):
        yield b"0" * 50_000


def _pieces_of(body: bytes) -> Callable[[], Any]:
    async def pieces() -> Any:
        for place in range(0, len(body), 1_000):
            yield body[place : place + 1_000]

    return pieces


def _fill(*names: str) -> Deed:
    """Some disks are full for a while, then have room again."""

    async def filled(ground: Ground) -> None:
        async with _full(ground, *names):
            await asyncio.sleep(FULL_S)

    return filled


@asynccontextmanager
async def _full(ground: Ground, *names: str) -> AsyncIterator[None]:
    disks = ground.disks
    if disks is None:
        raise LookupError("this system's disks have no size")

    async def keep_full() -> None:
        while True:  # who dies of it leaves some room
            await asyncio.to_thread(disks.fill, *names)
            await asyncio.sleep(_FILL_EVERY_S)

    filling = asyncio.create_task(keep_full())
    try:
        yield
    finally:
        await ended(filling)
        disks.free()


async def fill_archive(ground: Ground) -> None:
    """The archive says that its disk is full; with room again it goes on, and nothing is missing
    in it."""
    database = open_database(ground.system.endpoints())
    location = locate("", ground.system.home)
    manifest = Manifest(database, location.name)

    async def said(state: str, within_s: float) -> bool:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            if ((await manifest.status()) or {}).get("state") == state:
                return True
            await asyncio.sleep(_LOOK_EVERY_S)
        return False

    try:
        async with _full(ground, "archive"):
            if not await said("waiting", ARCHIVE_SAYS_S):
                ground.wrong("unsound", "the archive did not say that its disk is full")
        if not await said("running", ARCHIVE_SAYS_S):
            ground.wrong("unsound", "the archive did not go on")
        found = await asyncio.to_thread(check, await open_archive(database, location))
        if not found.whole:
            ground.wrong("lost", f"the archive is not whole: {found}")
        ground.figures["archived_events"] = found.rows
    finally:
        await database.client.close()


DEEDS: dict[str, Deed] = {
    "flush redis": flush_redis,
    "step down": step_down,
    "lose token": lose_token,
    "poison": poison,
    "big bodies": big_bodies,
    "fill kafka's disk": _fill("kafka"),
    "fill mongodb's disk": _fill("mongodb"),
    "fill the archive's disk": fill_archive,
    "fill all disks": _fill("all", "kafka", "mongodb", "archive"),
}
