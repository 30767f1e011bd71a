"""What is there while people work: workers that come and go, and crowds of WebSocket clients."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from runtime.chaos import watchers
from runtime.chaos.ground import Ground
from runtime.chaos.guest import LOADED
from runtime.child import spawn
from runtime.processes import WORKER_READY
from runtime.settings import ROOT

REBALANCE_S = 5.0
_GUESTS = ("reconcile", "inbound", "sinks")
_COMES_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.2

Beside = Callable[[Ground], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def rebalancing(ground: Ground) -> AsyncIterator[None]:
    """In each group a second worker joins and leaves, one or the other every five seconds."""
    logs = [ground.system.home / "logs" / f"guest-{role}.log" for role in _GUESTS]
    for log in logs:
        log.unlink(missing_ok=True)
    guests: list[subprocess.Popen[bytes]] = []
    try:
        for role, log in zip(_GUESTS, logs, strict=True):
            guests.append(_guest(ground, role, log))
        async with asyncio.timeout(_COMES_WITHIN_S):
            while not all(_said(log, LOADED) for log in logs):  # noqa: ASYNC110 a file
                await asyncio.sleep(_LOOK_EVERY_S)
        yield
    finally:
        for guest in guests:
            guest.kill()
            guest.wait()
    for role, log in zip(_GUESTS, logs, strict=True):
        times = _said(log, WORKER_READY)
        ground.figures[f"second_{role}_joined"] = times
        if not times:
            ground.wrong("unsound", f"a second {role} never came")


def _guest(ground: Ground, role: str, log: Path) -> subprocess.Popen[bytes]:
    environment = {**ground.system.environment(), "PYTHONPATH": str(ROOT)}
    argv = (sys.executable, "-P", "-m", "runtime.chaos.guest", role, str(REBALANCE_S))
    return spawn(argv, env=environment, cwd=ground.system.home, log=log)


def _said(log: Path, words: str) -> int:
    """How often."""
    return log.read_text(errors="replace").count(words) if log.exists() else 0


BESIDE: dict[str, Beside] = {
    "workers come and go": rebalancing,
    "clients that never read": watchers.silent,
    "5,000 clients": watchers.five_thousand,
}


def beside(name: str, ground: Ground) -> AbstractAsyncContextManager[None]:
    """By its name; nothing for none."""
    return BESIDE[name](ground) if name else contextlib.nullcontext()
