"""The watchdog's thread: looks at the offsets, asks `judge`, has the supervisor replace."""

from __future__ import annotations

import asyncio
import threading
import time

from runtime.progress import ProgressReader
from runtime.supervisor import Supervisor, is_paused
from runtime.watchdog import Limits, Starts, Watch, judge
from schemas.settings import Endpoints


class Guard:
    """Watches the processes of one supervisor until stopped."""

    def __init__(
        self, supervisor: Supervisor, endpoints: Endpoints, limits: Limits | None = None
    ) -> None:
        self._supervisor = supervisor
        self._endpoints = endpoints
        self._limits = limits or Limits()
        self._watches: dict[tuple[str, str], Watch | None] = {}
        self._starts = Starts()
        self._paused_since_s: dict[int, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a look under way takes a few seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        groups = {g: topics for s in self._supervisor.specs() for g, topics in s.groups.items()}
        async with ProgressReader(self._endpoints) as reader:
            while not self._stopping.is_set():
                self._replace_paused()
                await self._replace_stalled(reader, groups)
                for _ in range(round(self._limits.look_every_s * 5)):
                    if self._stopping.is_set():
                        return
                    await asyncio.sleep(0.2)

    def _replace_paused(self) -> None:
        now_s = time.monotonic()
        for status in self._supervisor.statuses():
            if status.pid is None:
                continue
            if not is_paused(status.pid):
                self._paused_since_s.pop(status.pid, None)
            elif (
                now_s - self._paused_since_s.setdefault(status.pid, now_s) >= self._limits.paused_s
            ):
                self._supervisor.replace(status.name, "stopped by a signal")

    async def _replace_stalled(
        self, reader: ProgressReader, groups: dict[str, tuple[str, ...]]
    ) -> None:
        if not groups:
            return
        progress = await reader.read(groups)
        now_s = time.monotonic()
        for spec in self._supervisor.specs():
            status = self._supervisor.status(spec.name)
            started_s = self._starts.since_s(
                spec.name,
                status.pid or 0,
                ready=status.state == "ready",
                age_s=status.uptime_s,
                limit_s=spec.ready_timeout_s,
                now_s=now_s,
            )
            for group in spec.groups:
                if started_s is None:
                    self._watches[spec.name, group] = None
                    continue
                verdict = judge(
                    self._watches.get((spec.name, group)),
                    progress.get(group) if progress is not None else None,
                    now_s=now_s,
                    started_s=started_s,
                    limits=self._limits,
                )
                self._watches[spec.name, group] = verdict.watch
                if verdict.stalled:
                    self._watches[spec.name, group] = None
                    self._supervisor.replace(spec.name, f"{group}: {verdict.stalled}")
