"""One peer of `benchmarks.reconcile`, in a process of its own:
`python -m benchmarks.reconcile_peers PEER EVENTS`. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer

from connectors.protocol import Profile, TypeProfile
from schemas.settings import Endpoints
from schemas.topics import COMMANDS_MONGODB, ENTITIES, OBSERVATIONS
from streams.kafka import Incoming, Outgoing, Publisher
from streams.roles.reconcile import assemble
from streams.sync.agent import Reconciler
from streams.sync.context import Context
from streams.worker import configure_logging

LIMIT_S = 120
FIELDS = frozenset(("sku", "name", "description", "price", "status", "categories"))


@dataclass
class Clock:
    """From the first chunk taken to the last one done."""

    events: int
    started: float = 0.0
    first: float = 0.0
    cpu: float = 0.0
    done: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """A chunk is taken."""
        if not self.first:
            self.first, self.cpu = time.perf_counter(), time.process_time()

    def end(self, count: int) -> None:
        """A chunk is done."""
        self.done += count
        if self.done >= self.events:
            self.over.set()

    def result(self) -> dict[str, float]:
        """Events per second, CPU seconds per 100,000, seconds until the first chunk."""
        wall = time.perf_counter() - self.first
        cpu = time.process_time() - self.cpu
        return {
            "rate": self.done / wall,
            "cpu": cpu / self.done * 100_000,
            "start": self.first - self.started,
        }


def fixed_context() -> Context:
    """Two platforms that hold everything."""
    profile = TypeProfile(readable=FIELDS, writable=FIELDS, creates=True)
    return Context(
        profiles={name: Profile(name, {"product": profile}) for name in ("mongodb", "woocommerce")},
        writable=frozenset(("mongodb", "woocommerce")),
    )


async def smartstore(clock: Clock) -> None:
    """The product's own worker, with a fixed context: two platforms that hold everything."""
    endpoints = Endpoints()
    context = fixed_context()
    publisher = Publisher(endpoints)
    await publisher.start()

    async def load(_organization_id: str) -> Context:
        return context

    class Nowhere:
        async def park(self, *_arguments: Any, **reason: Any) -> None:
            raise RuntimeError(f"nothing here should be parked: {reason}")

    app, _ = assemble(endpoints, "bench", publisher, load, Nowhere())
    app.finalize()
    await app.start()
    await clock.over.wait()


def counted(
    clock: Clock, handle: Callable[[Reconciler, Sequence[Incoming]], Awaitable[None]]
) -> Callable[[Reconciler, Sequence[Incoming]], Awaitable[None]]:
    """The agent's handler with the clock around it."""

    async def measured(self: Reconciler, chunk: Sequence[Incoming]) -> None:
        clock.begin()
        await handle(self, chunk)
        clock.end(len(chunk))

    return measured


async def aiokafka(clock: Clock) -> None:
    """No Faust, no table, no decision: read, decode, write a changelog and an output record."""
    endpoints = Endpoints()
    publisher = Publisher(endpoints)
    await publisher.start()
    consumer = AIOKafkaConsumer(
        endpoints.topic(OBSERVATIONS.name),
        bootstrap_servers=endpoints.bootstrap,
        group_id=endpoints.topic("raw"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=2000,
    )
    await consumer.start()
    while clock.done < clock.events:
        found = await consumer.getmany(timeout_ms=1000)
        clock.begin()
        records = [record for chunk in found.values() for record in chunk]
        values = [(r.key, orjson.dumps(orjson.loads(r.value)), r.partition) for r in records]
        await publisher.publish(*(Outgoing(ENTITIES, k, v, (), p) for k, v, p in values))
        await publisher.publish(*(Outgoing(COMMANDS_MONGODB, k, v, (), p) for k, v, p in values))
        await consumer.commit()
        clock.end(len(records))
    await consumer.stop()
    await publisher.stop()


async def plain_faust(clock: Clock) -> None:
    """As the manual shows it: one event at a time, a table, one output each."""
    endpoints = Endpoints()
    app = faust.App(
        endpoints.topic("plain"),
        broker=[f"kafka://{address}" for address in endpoints.bootstrap],
        store="memory://",
        web_enabled=False,
        topic_partitions=endpoints.kafka_partitions,
        topic_replication_factor=1,
        table_standby_replicas=0,
        datadir="/tmp",  # noqa: S108 nothing is kept there
    )
    source = app.topic(endpoints.topic(OBSERVATIONS.name), key_type=bytes, value_serializer="json")
    target = app.topic(endpoints.topic(COMMANDS_MONGODB.name), value_serializer="json")
    table = app.Table("plain", partitions=endpoints.kafka_partitions)

    async def work(stream: Any) -> None:
        async for key, value in stream.items():
            clock.begin()
            table[key.decode()] = value
            await target.send(key=key, value=value)
            clock.end(1)

    app.agent(source)(work)
    app.finalize()
    await app.start()
    await clock.over.wait()


RUNS: dict[str, Callable[[Clock], Awaitable[None]]] = {
    "smartstore": smartstore,
    "aiokafka": aiokafka,
    "faust": plain_faust,
}


def main() -> None:
    """Measure one peer."""
    peer, events = sys.argv[1], int(sys.argv[2])
    configure_logging()
    clock = Clock(events, started=time.perf_counter())
    Reconciler.handle = counted(clock, Reconciler.handle)  # type: ignore[method-assign,assignment]

    async def measure() -> None:
        await asyncio.wait_for(RUNS[peer](clock), LIMIT_S)
        sys.stdout.write(json.dumps(clock.result()) + "\n")
        sys.stdout.flush()
        os._exit(0)  # Faust's threads take their time to end; nothing is left to measure

    uvloop.run(measure())


if __name__ == "__main__":
    main()
