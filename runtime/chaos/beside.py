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
from runtime.processes import WORKER_READY
from runtime.settings import ROOT

REBALANCE_S = 5.0
_GUESTS = ("reconcile", "inbound", "sinks")
_COMES_WITHIN_S = 60.0
_LEAVES_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.2

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
                next_s = time.monotonic() + REBALANCE_S
                guests.append(await _guest(ground, _GUESTS[moves % len(_GUESTS)]))
                moves += 1
                if len(guests) > 1:
                    await _leave(guests.popleft())
                await asyncio.sleep(max(0.0, next_s - time.monotonic()))
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
        ground.figures["workers_that_came"] = moves


async def _guest(ground: Ground, role: str) -> subprocess.Popen[bytes]:
    """A second worker of this role, at work."""
    log = ground.system.home / "logs" / f"guest-{role}.log"
    begin = log.stat().st_size if log.exists() else 0
    environment = {
        **ground.system.environment(),
        "PYTHONPATH": str(ROOT),
        "SMARTSTORE_INSTANCE": f"guest-{role}",
    }
    argv = (sys.executable, "-P", "-m", "streams.worker", role)
    guest = spawn(argv, env=environment, cwd=ground.system.home, log=log)
    try:
        async with asyncio.timeout(_COMES_WITHIN_S):
            while WORKER_READY.encode() not in log.read_bytes()[begin:]:  # noqa: ASYNC110 a file
                await asyncio.sleep(_LOOK_EVERY_S)
    except BaseException:
        guest.kill()
        guest.wait()
        raise
    return guest


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
