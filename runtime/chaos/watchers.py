"""Crowds of WebSocket clients, and what they cost."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from api.live import MOST_CLIENTS, MOST_OF_ONE
from runtime.chaos.ground import Ground, Peak
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.settings import ROOT
from streams.ending import ended

SILENT = 100
READERS = 100
SILENT_END_WITHIN_S = 75.0
"""A ping goes out every 20 s and waits as long for its answer; then the connection ends."""
MOST_GROWTH_MB = 64.0
MOST_KB_A_CLIENT = 200.0
MOST_DELAY_MS = 5_000
GATHER_S = 180.0
TELL_S = 120.0
TALK_EVERY_S = 2.0
_LOOK_EVERY_S = 0.5


@dataclass
class Crowd:
    """The clients' process."""

    process: asyncio.subprocess.Process
    connected: int
    refused: int
    ports: list[int] = field(default_factory=list)
    seconds: float = 0.0

    async def told(self) -> dict[str, Any]:
        """What came, once nothing comes any more; the clients leave then."""
        _input(self.process).write(b"\n")
        found: dict[str, Any] = await _line(self.process, TELL_S)
        return found


@asynccontextmanager
async def crowd(
    ground: Ground, groups: Sequence[tuple[Merchant, int]], silent: int = 0
) -> AsyncIterator[Crowd]:
    """Clients of these organisations, connected. Raises TimeoutError, ValueError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "runtime.chaos.crowd",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        told = {
            "url": ground.system.url,
            "websocket": ground.system.websocket_url,
            "groups": [{"key": one.api_key, "count": count} for one, count in groups],
            "silent": silent,
        }
        _input(process).write(json.dumps(told).encode() + b"\n")
        found = await _line(process, GATHER_S)
        yield Crowd(process, **found)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _input(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise ValueError("the clients' process has no input")
    return process.stdin


async def _line(process: asyncio.subprocess.Process, within_s: float) -> Any:
    if process.stdout is None:
        raise ValueError("the clients' process has no output")
    async with asyncio.timeout(within_s):
        return json.loads(await process.stdout.readline())


@asynccontextmanager
async def silent(ground: Ground) -> AsyncIterator[None]:
    """Clients that never read, beside such that do: the first are dropped, the others hear
    everything at once, and the memory of both does not grow."""
    memory = Peak(lambda: ground.memory_mb("api"))
    everybody = [(ground.merchant, READERS + SILENT)]
    async with crowd(ground, everybody, SILENT) as there, _watched(memory):
        _all_in(ground, there, READERS + SILENT)
        began_s = time.monotonic()
        yield
        end_s, ports = began_s + SILENT_END_WITHIN_S, set(there.ports)
        while (left := _held(ground, ports)) and time.monotonic() < end_s:  # noqa: ASYNC110 no event
            await asyncio.sleep(_LOOK_EVERY_S)
        if left:
            ground.wrong("unsound", f"{left} clients that read nothing are still held")
        ground.figures["silent_ended_after_s"] = round(time.monotonic() - began_s, 1)
        _judge(ground, await there.told())
    ground.figures["api_grew_mb"] = round(memory.grown, 1)
    if memory.grown > MOST_GROWTH_MB:
        ground.wrong("unsound", f"the api grew by {memory.grown:.0f} MB")


@asynccontextmanager
async def five_thousand(ground: Ground) -> AsyncIterator[None]:
    """As many clients as the api takes, of three organisations in which something happens; one
    more is turned away."""
    before_mb = ground.memory_mb("api")
    name = f"{ground.merchant.organization_id}-{secrets.token_hex(2)}"
    quiet = Platforms(load=False, number=False)
    async with AsyncExitStack() as opened:
        others = [
            await opened.enter_async_context(open_merchant(ground.system, f"{name}{n}", quiet))
            for n in range(2)
        ]
        most = MOST_OF_ONE - 10
        rest = (MOST_CLIENTS - most) // 2
        groups = [(ground.merchant, most), *((one, rest) for one in others)]
        there = await opened.enter_async_context(crowd(ground, groups))
        _all_in(ground, there, MOST_CLIENTS)
        await _one_more(ground)
        grown_mb = ground.memory_mb("api") - before_mb
        each_kb = grown_mb * 1000 / MOST_CLIENTS
        ground.figures |= {
            "clients": there.connected,
            "connected_in_s": there.seconds,
            "memory_kb_a_client": round(each_kb, 1),
        }
        if each_kb > MOST_KB_A_CLIENT:
            ground.wrong("unsound", f"a client costs {each_kb:.0f} kB")
        talking = asyncio.create_task(_talk(others))
        try:
            yield
        finally:
            await ended(talking)
        _judge(ground, await there.told())


async def _talk(merchants: Sequence[Merchant]) -> None:
    """Something happens in each of these organisations."""
    number = 0
    while True:
        for one in merchants:
            data = {"sku": "CROWD", "name": "Tea", "price": f"{2_000 + number}"}
            action = "update" if number else "create"
            with suppress(OSError):
                await one.queue_event(type="product", action=action, data=data)
        number += 1
        await asyncio.sleep(TALK_EVERY_S)


async def _one_more(ground: Ground) -> None:
    async with crowd(ground, [(ground.merchant, 1)]) as late:
        if late.connected:
            ground.wrong("unsound", f"client {MOST_CLIENTS + 1} was let in")


def _all_in(ground: Ground, there: Crowd, wanted: int) -> None:
    if there.connected != wanted:
        ground.wrong("lost", f"{wanted - there.connected} of {wanted} clients were not let in")


def _judge(ground: Ground, told: dict[str, Any]) -> None:
    """Everybody was sent everything, once, in order and soon."""
    ground.figures |= {
        "lines": told["lines"],
        "messages": told["messages"],
        "fan_out_p50_ms": told["p50_ms"],
        "fan_out_p99_ms": told["p99_ms"],
        "fan_out_max_ms": told["max_ms"],
    }
    if not told["lines"]:
        ground.wrong("lost", "no client heard anything")
    for name, kind in (("missing", "lost"), ("repeated", "duplicate"), ("disordered", "unsound")):
        if told[name]:
            ground.wrong(kind, f"{told[name]} messages to clients were {name}")
    if told["ended"]:
        ground.wrong("unsound", f"{told['ended']} clients that read were dropped")
    if told["p99_ms"] > MOST_DELAY_MS:
        ground.wrong("unsound", f"clients heard {told['p99_ms']} ms after the first of them")


def _held(ground: Ground, ports: set[int]) -> int:
    """How many connections with these ports the api still has."""
    with suppress(LookupError, psutil.Error):
        api = psutil.Process(ground.system.pid("api"))
        return sum(1 for one in api.net_connections("tcp") if one.raddr and one.raddr[1] in ports)
    return 0


@asynccontextmanager
async def _watched(memory: Peak) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            memory.again()
            await asyncio.sleep(_LOOK_EVERY_S)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        await ended(looking)
