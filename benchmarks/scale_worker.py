"""A reconcile worker of `benchmarks.scale`: the product's own, with a fixed context instead of a
database: `python -m benchmarks.scale_worker INSTANCE`. Tells in JSON lines which partitions it
decides for, from its first decision there, and, at SIGUSR1, what it has used."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import uvloop

from benchmarks.reconcile_peers import fixed_context
from schemas.settings import Endpoints
from streams.kafka import Incoming, Publisher
from streams.roles.reconcile import assemble
from streams.sync.agent import Reconciler
from streams.worker import configure_logging


class Tally:
    """What was decided here, and the CPU seconds from the first decision to the last."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.used = 0.0
        self.last = 0.0
        self.decided: Counter[int] = Counter()

    def take(self, chunk: Sequence[Incoming]) -> None:
        """A chunk comes."""
        if self.began is None:
            self.began = time.process_time()

    def done(self, chunk: Sequence[Incoming]) -> None:
        """It is decided."""
        partition = chunk[0].partition
        if not self.decided[partition]:
            tell(took=partition, at=time.time())
        self.decided[partition] += len(chunk)
        self.last = time.time()
        self.used = time.process_time() - (self.began or 0.0)

    def tell(self) -> None:
        """All of it."""
        tell(decided=dict(self.decided), cpu=self.used, last=self.last)


def tell(**line: Any) -> None:
    """One line for the parent."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def run(instance: str) -> None:
    """Until SIGTERM."""
    endpoints, tally = Endpoints(), Tally()
    handle = Reconciler.handle

    async def counted(self: Reconciler, chunk: Sequence[Incoming]) -> None:
        tally.take(chunk)
        await handle(self, chunk)
        tally.done(chunk)

    Reconciler.handle = counted  # type: ignore[method-assign]
    publisher = Publisher(endpoints)
    await publisher.start()
    app, reconciler = assemble(endpoints, instance, publisher, load, Nowhere())
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, tally.tell)
    app.finalize()
    await app.start()
    telling = asyncio.create_task(_tell_owned(reconciler))
    await stopping.wait()
    telling.cancel()
    await app.stop()


async def _tell_owned(reconciler: Reconciler) -> None:
    told: list[int] = []
    while True:
        await asyncio.sleep(0.1)
        owned = sorted(reconciler.epochs)
        if owned != told:
            tell(owns=owned, at=time.time())
            told = owned


async def load(_organization_id: str) -> Any:
    """Two platforms that hold everything."""
    return fixed_context()


class Nowhere:
    """Nothing here should be parked."""

    async def park(self, *_arguments: Any, **reason: Any) -> None:
        raise RuntimeError(f"nothing here should be parked: {reason}")


def main() -> None:
    """See the module."""
    configure_logging()
    uvloop.run(run(sys.argv[1]))


if __name__ == "__main__":
    main()
