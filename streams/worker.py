"""`python -m streams.worker ROLE`: one process of the streams.

Roles: `inbound` (normalise), `reconcile` (decide), `sinks` (write to platforms, keep views), `cdc`
(read MongoDB's change streams), `upkeep` (scheduled and queued work), `archive` (history on
Parquet). Settings are loaded here and handed down.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

import structlog
import uvloop
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from schemas.settings import Endpoints, SettingsError, load_endpoints
from streams import metrics, tracing
from streams.app import FAILED, SyncApp, leave_hard
from streams.ending import ended
from streams.kafka import PublishFailed
from streams.roles import Role

log = structlog.get_logger(__name__)

ROLES = ("inbound", "reconcile", "sinks", "cdc", "upkeep", "archive")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT. Exit status 0, or 70 when it could not go on."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.stderr.write(f"usage: python -m streams.worker {'|'.join(ROLES)}\n")
        return 2
    gc.disable()  # a start makes much and leaves nothing behind: looking takes a tenth of its time
    configure_logging()
    try:
        endpoints = load_endpoints(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"smartstore worker: {error}\n")
        return 2
    metrics.serve(os.environ, arguments[0])
    tracing.start(os.environ, arguments[0])
    instance = os.environ.get("SMARTSTORE_INSTANCE", "0")
    return uvloop.run(run(arguments[0], endpoints, instance))


async def run(name: str, endpoints: Endpoints, instance: str) -> int:
    """Start a role, watch its parts, stop it in order."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    module = importlib.import_module(f"streams.roles.{name}")  # a role loads only its own
    try:
        role: Role = await module.build(endpoints, instance)
    except (KafkaError, PublishFailed, PyMongoError, OSError, ValueError):
        if not await _told_why(name, endpoints):
            raise
        return FAILED
    tasks = [loop.create_task(part) for part in role.parts]
    for app in role.apps:
        app.finalize()
    await asyncio.gather(*(app.start() for app in role.apps))
    gc.freeze()  # what is there now stays
    gc.enable()
    log.info("worker started", role=name)
    stopped = loop.create_task(stopping.wait())
    watch = loop.create_task(_crashed(role.apps))
    done, _ = await asyncio.wait({stopped, watch, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if stopped not in done:
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.error("worker part failed", role=name, exc_info=task.exception())
        leave_hard()
    await _stop(role, tasks)
    tracing.stop()
    return 0


async def _told_why(name: str, endpoints: Endpoints) -> bool:
    """Whether a server that cannot be used is the reason that a role does not start: then a line
    that says what to do helps more than where our code gave up."""
    from streams.reach import troubles  # late: a worker that starts does without

    found = await troubles(endpoints)
    for one in found:
        log.error("cannot start", role=name, setting=one.name, cause=one.cause, fix=one.fix)
    return bool(found)


async def _crashed(apps: Sequence[SyncApp]) -> None:
    """Returns when an app has crashed: Faust notes it and goes on waiting."""
    while not any(app.crashed or app.should_stop for app in apps):  # noqa: ASYNC110 no event
        await asyncio.sleep(0.5)
    for app in apps:
        if app.crashed:
            log.error("faust app crashed", app=app.conf.id, reason=repr(app.crash_reason))


async def _stop(role: Role, tasks: Sequence[asyncio.Task[None]]) -> None:
    """In order, within ten seconds; then hard: what is not committed is simply read again."""
    try:
        async with asyncio.timeout(10):
            await asyncio.gather(*(app.stop() for app in role.apps))
            for task in tasks:
                await ended(task)
            await role.close()
    except TimeoutError:
        log.warning("worker did not stop in time")
        os._exit(0)


def configure_logging() -> None:
    """One line an event on standard error; libraries only speak up when something is wrong (Faust
    leaves its own loggers at DEBUG, which costs a tenth of the throughput)."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    for name in ("faust", "mode", "aiokafka", "pymongo", "httpx", "kafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A timer that overlaps is skipped, as it should be; topics are made by `streams.topics`.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    logging.getLogger("faust.transport.drivers.aiokafka").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    raise SystemExit(main())
