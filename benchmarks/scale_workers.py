"""The processes of `benchmarks.scale_worker`, and what they have told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

STARTS_S = 60.0


class Workers:
    """So many, side by side. Use as a context manager: all are killed at its end."""

    def __init__(self, environment: Mapping[str, str], count: int) -> None:
        self._environment = environment
        self._count = count
        self._running: list[subprocess.Popen[str]] = []
        self._told: list[list[dict[str, Any]]] = [[] for _ in range(count)]

    def __enter__(self) -> Workers:
        for number in range(self._count):
            worker = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "benchmarks.scale_worker", str(number)],
                env=dict(self._environment),
                cwd=Path(__file__).resolve().parent.parent,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._running.append(worker)
            threading.Thread(target=self._listen, args=(number, worker), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._running:
            worker.kill()
            worker.wait()

    async def shared_out(self, partitions: int) -> None:
        """Each has its even share. Raises TimeoutError, and RuntimeError where one has ended."""
        wanted = partitions // self._count
        async with asyncio.timeout(STARTS_S):
            while any(len(self.owned(number)) != wanted for number in range(self._count)):
                if any(worker.poll() is not None for worker in self._running):
                    raise RuntimeError("a worker has ended; what it said is above")
                await asyncio.sleep(0.1)

    def owned(self, number: int) -> set[int]:
        """Partitions it decides for now."""
        lines = [line["owns"] for line in self._told[number] if "owns" in line]
        return set(lines[-1]) if lines else set()

    def took(self, since: float) -> dict[int, float]:
        """Partition to the first decision there of a worker that came to it after `since`."""
        return {
            line["took"]: line["at"]
            for told in self._told
            for line in told
            if "took" in line and line["at"] >= since
        }

    async def tallies(self) -> list[dict[str, Any]]:
        """What each has decided and used until now."""
        before = [len(told) for told in self._told]
        for worker in self._running:
            os.kill(worker.pid, signal.SIGUSR1)
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(STARTS_S):
            for told, seen in zip(self._told, before, strict=True):
                while not any("cpu" in line for line in told[seen:]):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                found.append(next(line for line in told[seen:] if "cpu" in line))
        return found

    def signal(self, number: signal.Signals) -> None:
        """To all of them."""
        for worker in self._running:
            os.kill(worker.pid, number)

    def kill(self, number: int) -> float:
        """SIGKILL, and when."""
        self._running[number].kill()
        return time.time()

    def _listen(self, number: int, worker: subprocess.Popen[str]) -> None:
        for line in worker.stdout or ():
            self._told[number].append(json.loads(line))
