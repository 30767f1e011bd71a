"""What is there while people work: workers that come and go, and crowds of WebSocket clients."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from runtime.chaos import watchers
from runtime.chaos.ground import Ground
from runtime.child import spawn
from runtime.settings import ROOT

REBALANCE_S = 5.0
_GUESTS = ("reconcile", "inbound", "sinks")
_LEAVES_WITHIN_S = 15.0

Beside = Callable[[Ground], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def rebalancing(ground: Ground) -> AsyncIterator[None]:
    """Every five seconds a second worker joins a group, and the one before it leaves."""
    moves = 0

    async def come_and_go() -> None:
        nonlocal moves
        guests: deque[subprocess.Popen[bytes]] = deque()
        try:
            while True:
                began_s = time.monotonic()
                guests.append(_guest(ground, _GUESTS[moves % len(_GUESTS)]))
                moves += 1
                if len(guests) > 1:
                    await _leave(guests.popleft())
                await asyncio.sleep(max(0.0, began_s + REBALANCE_S - time.monotonic()))
        finally:
            await asyncio.gather(*(_leave(guest) for guest in guests))

    moving = asyncio.create_task(come_and_go())
    try:
        yield
    finally:
        moving.cancel()
        results = await asyncio.gather(moving, return_exceptions=True)
        for error in results:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                ground.wrong("unsound", f"workers could not come and go: {error!r}")
        ground.figures["workers_that_came_and_went"] = moves


def _guest(ground: Ground, role: str) -> subprocess.Popen[bytes]:
    environment = {
        **ground.system.environment(),
        "PYTHONPATH": str(ROOT),
        "SMARTSTORE_INSTANCE": f"guest-{role}",
    }
    return spawn(
        (sys.executable, "-P", "-m", "streams.worker", role),
        env=environment,
        cwd=ground.system.home,
        log=ground.system.home / "logs" / f"guest-{role}.log",
    )


async def _leave(guest: subprocess.Popen[bytes]) -> None:
    guest.terminate()
    try:
        await asyncio.to_thread(guest.wait, _LEAVES_WITHIN_S)
    except subprocess.TimeoutExpired:
        guest.kill()
        guest.wait()


BESIDE: dict[str, Beside] = {
    "workers come and go": rebalancing,
    "clients that never read": watchers.silent,
    "5,000 clients": watchers.five_thousand,
}


def beside(name: str, ground: Ground) -> AbstractAsyncContextManager[None]:
    """By its name; nothing for none."""
    return BESIDE[name](ground) if name else contextlib.nullcontext()
