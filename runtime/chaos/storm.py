"""Does to a running system what a plan says: kills and stops its processes, spoils its platforms'
answers, and heals all of it again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field

from runtime.chaos.deeds import DEEDS
from runtime.chaos.plan import DEED, Blow, Weather
from runtime.demo.merchant import Merchant
from runtime.demo.system import System


@dataclass
class Fault:
    """A blow that fell. Times are monotonic."""

    name: str
    began_s: float
    recovered_s: float | None = None
    """From its start until everything was ready and nothing was owed."""


@dataclass
class Storm:
    """Of one seed."""

    system: System
    merchant: Merchant
    faults: list[Fault] = field(default_factory=list)
    _waking: set[asyncio.Task[None]] = field(default_factory=set)

    async def spoil(self, weather: Weather, seed: int) -> None:
        """The platforms answer badly from now on."""
        sandbox, merchant = self.merchant.sandbox, self.merchant
        requests = [dict(one) for one in weather.requests]
        await sandbox.faults(
            merchant.shop.name, requests=requests, webhooks=dict(weather.webhooks), seed=seed
        )
        await sandbox.number_faults(
            merchant.number, requests=requests, webhooks=dict(weather.webhooks), seed=seed
        )

    def strike(self, blow: Blow) -> None:
        """SIGKILL, or SIGSTOP with SIGCONT to follow, of what runs at the moment; or a deed."""
        if blow.part.startswith(DEED):
            self.faults.append(Fault(blow.name, time.monotonic()))
            self._waking.add(asyncio.create_task(DEEDS[blow.name](self.system, self.merchant)))
            return
        try:
            pid = self.system.pid(blow.part)
        except LookupError:
            return  # it is being started again already
        self.faults.append(Fault(blow.name, time.monotonic()))
        if blow.pause_s:
            os.kill(pid, signal.SIGSTOP)
            self._waking.add(asyncio.create_task(_wake(pid, blow.pause_s)))
        else:
            self.system.kill(blow.part)

    async def heal(self) -> None:
        """Everybody is awake and the platforms answer as they should."""
        await asyncio.gather(*self._waking)
        self._waking.clear()
        await self.merchant.sandbox.clear_faults(self.merchant.shop.name)
        await self.merchant.sandbox.clear_number_faults(self.merchant.number)

    def recovered(self, at_s: float) -> None:
        """All that was open is over."""
        for fault in self.faults:
            if fault.recovered_s is None:
                fault.recovered_s = at_s - fault.began_s


async def _wake(pid: int, after_s: float) -> None:
    try:
        await asyncio.sleep(after_s)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
