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
from runtime.chaos.ground import Ground
from runtime.chaos.plan import DEED, Blow, Weather


@dataclass
class Fault:
    """A blow that fell, or something that lasted and is over. Times are monotonic."""

    name: str
    began_s: float
    recovered_s: float | None = None
    """From then until everything was ready and nothing was owed."""


@dataclass
class Storm:
    """Of one seed."""

    ground: Ground
    faults: list[Fault] = field(default_factory=list)
    _waking: set[asyncio.Task[None]] = field(default_factory=set)

    async def spoil(self, weather: Weather, seed: int) -> None:
        """The platforms answer badly from now on."""
        merchant = self.ground.merchant
        requests = [dict(one) for one in weather.requests]
        await merchant.sandbox.faults(
            merchant.shop.name, requests=requests, webhooks=dict(weather.webhooks), seed=seed
        )
        await merchant.sandbox.number_faults(
            merchant.number, requests=requests, webhooks=dict(weather.webhooks), seed=seed
        )

    def strike(self, blow: Blow) -> None:
        """SIGKILL, or SIGSTOP with SIGCONT to follow, of what runs at the moment; or a deed."""
        if blow.part.startswith(DEED):
            self.faults.append(Fault(blow.name, time.monotonic()))
            self._waking.add(asyncio.create_task(DEEDS[blow.name](self.ground)))
            return
        try:
            pid = self.ground.system.pid(blow.part)
        except LookupError:
            return  # it is being started again already
        self.faults.append(Fault(blow.name, time.monotonic()))
        if blow.pause_s:
            os.kill(pid, signal.SIGSTOP)
            self._waking.add(asyncio.create_task(_wake(pid, blow.pause_s)))
        else:
            self.ground.system.kill(blow.part)

    async def heal(self, lasting: str = "") -> None:
        """Everybody is awake and the platforms answer as they should. `lasting`: what is over."""
        for error in await asyncio.gather(*self._waking, return_exceptions=True):
            if error is not None:
                self.ground.wrong("unsound", f"what was to be done failed: {error!r}")
        self._waking.clear()
        merchant = self.ground.merchant
        await merchant.sandbox.clear_faults(merchant.shop.name)
        await merchant.sandbox.clear_number_faults(merchant.number)
        if lasting:
            self.faults.append(Fault(lasting, time.monotonic()))

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
