"""Role `reconcile`: the agent that decides, its table and its timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.settings import Endpoints
from schemas.topics import ENTITIES, OBSERVATIONS, OUTCOMES, RESOLUTIONS
from streams.app import SyncApp, bind, create_app
from streams.cache import CACHE_ERRORS
from streams.deadletter.parking import Parking
from streams.kafka import Publisher
from streams.kafka.table import own_table, restore
from streams.roles import Role
from streams.roles.common import Common
from streams.sync.agent import Reconciler
from streams.sync.contexts import Contexts, Load, loader
from streams.sync.epochs import floor_of
from streams.sync.table import ClaimingTables, EntityStore, EntityTable, claim
from streams.topics import history_of

log = structlog.get_logger(__name__)

TICK_S = 0.1
STATUS_KEY = "ss:status:reconcile"
"""Redis hash: partition to JSON figures, for people; nothing depends on it."""


async def build(endpoints: Endpoints, instance: str) -> Role:
    """The role with everything it needs opened."""
    common = await Common.open(endpoints)
    floor = await floor_of(common.database, await history_of(endpoints))
    app, reconciler = assemble(
        endpoints, instance, common.publisher, loader(common.directory), common.dead, floor
    )
    return Role(apps=[app], parts=[tell_status(reconciler, common.redis)], close=common.close)


def assemble(
    endpoints: Endpoints,
    instance: str,
    publisher: Publisher,
    load: Load,
    dead: Parking,
    floor: int = 0,
) -> tuple[SyncApp, Reconciler]:
    """The Faust app around the agent; benchmarks use it with a fixed context."""
    app = create_app("reconcile", endpoints, instance=instance, TableManager=ClaimingTables)
    table = own_table(app, "entities", EntityTable)
    app.tables.add(table)
    store: EntityStore = table.data
    store.floor = floor
    reconciler = Reconciler(store, publisher, Contexts(load), dead)

    async def take(partitions: Sequence[int]) -> None:
        epochs = await claim(publisher, partitions, f"{instance}@{time.time_ns()}", floor)
        await restore(store, endpoints, ENTITIES, partitions)
        reconciler.epochs = epochs  # last: until it has read everything an owner decides nothing

    def release() -> None:
        reconciler.epochs, reconciler.due = {}, {}

    app.claim, app.release = take, release
    table.on_recover(_ready(reconciler))
    bind(app, "reconcile", [OBSERVATIONS, OUTCOMES, RESOLUTIONS], reconciler.handle)
    app.timer(interval=TICK_S, name="owed")(_timer(app, reconciler))
    return app, reconciler


def _ready(reconciler: Reconciler):  # type: ignore[no-untyped-def]
    async def recovered(*_partitions: object) -> None:
        reconciler.restored()
        log.info("records restored", records=len(reconciler.store.data))

    return recovered


def _timer(app: SyncApp, reconciler: Reconciler):  # type: ignore[no-untyped-def]
    async def owed() -> None:
        if not (app.rebalancing or app.in_recovery) and reconciler.epochs:
            await reconciler.tick()

    return owed


async def tell_status(reconciler: Reconciler, redis: Redis) -> None:
    """Every second, how much is under way. Without Redis nobody is told, and nothing else
    happens."""
    while True:
        await asyncio.sleep(1.0)
        at_ms = unix_ms()
        figures = {
            str(partition): encode({"orgs": orgs, "at": at_ms})
            for partition, orgs in reconciler.status().items()
        }
        if figures:
            try:
                await redis.hset(STATUS_KEY, mapping=figures)  # type: ignore[arg-type]
            except CACHE_ERRORS as error:
                log.debug("status not told", reason=str(error))
