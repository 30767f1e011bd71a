"""`python -m api.main`: HTTP on PORT and WEBSOCKET_PORT, one application on both.

Settings are loaded here and handed down.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import structlog
import uvicorn
from fastapi import FastAPI
from pymongo.errors import PyMongoError

from api.audit import Audit, Audited
from api.batches import Batches
from api.checks import Checks
from api.conflicts import Conflicts
from api.counting import Counting, tell_metrics
from api.docs.openapi import add_description, operation_id
from api.errors import add_problems
from api.feed import Feed
from api.forcing import Forcing
from api.limits import BodyLimit
from api.live import add_live, end_revoked, tell_status
from api.login import Sessions, welcome
from api.pages import alerts as alerts_page
from api.pages import analytics as analytics_page
from api.pages import (
    connecting,
    entering,
    evidence,
    history,
    integrating,
    messaging,
    review,
    talks,
    team,
    then,
    views,
)
from api.pages import couriers as courier_pages
from api.pages.away import add_away
from api.pages.i18n import Languages
from api.policies import PolicyDesk
from api.ratelimit import RateLimits
from api.routes import (
    alerts,
    analytics,
    batches,
    catalogue,
    cod,
    conflicts,
    conversations,
    courier_pushes,
    couriers,
    deadletters,
    docs,
    effects,
    entities,
    erasure,
    events,
    health,
    integrations,
    jobs,
    keys,
    links,
    onboarding,
    pairing,
    people,
    policies,
    replay,
    shipments,
    sync,
    tickets,
    timetravel,
    webhooks,
    whatif,
    whatsapp,
)
from api.servers import Servers, watched
from api.services import Services
from api.settings import ApiSettings
from api.static import CLIENT, PageFiles
from api.status import StatusBoard
from api.tokens import Tickets
from schemas.clock import unix_ms
from schemas.settings import Endpoints, SettingsError, load_endpoints
from streams import metrics, tracing
from streams.alerts.settings import AlertEnvironment
from streams.archive.joined import Sources
from streams.archive.location import Location, locate
from streams.archive.settings import ArchiveSettings
from streams.cache import open_cache
from streams.database import ensure_indexes, open_database
from streams.directory import Directory, ensure_default_organization
from streams.ending import ended
from streams.intake import Intake
from streams.kafka import Publisher
from streams.kafka.lag import Lag
from streams.keyring import open_keyring
from streams.people import People
from streams.platforms import PlatformEnvironment

log = structlog.get_logger(__name__)

STOP_S = 8
MAX_MESSAGE_BYTES = 65_536
STALLED_MS = 30_000
"""A peer that takes nothing of what it is sent for so long is gone."""
SEND_BUFFER = 262_144
"""Bytes that the kernel keeps for a peer, where it would keep megabytes for each slow one."""
OpenServices = Callable[[], AbstractAsyncContextManager[Services]]


MODULES = (
    webhooks,
    analytics,
    analytics_page,
    events,
    sync,
    jobs,
    timetravel,
    whatif,
    alerts,
    alerts_page,
    entities,
    conflicts,
    conversations,
    catalogue,
    batches,
    pairing,
    onboarding,
    integrations,
    links,
    policies,
    replay,
    erasure,
    couriers,
    courier_pushes,
    shipments,
    whatsapp,
    effects,
    cod,
    deadletters,
    tickets,
    keys,
    people,
    health,
    docs,
    entering,
    team,
    integrating,
    messaging,
    evidence,
    history,
    then,
    courier_pages,
    connecting,
    review,
    talks,
    views,
)
"""Whose routes are served. The order counts where addresses overlap."""


def create_api(open_services: OpenServices) -> FastAPI:
    """The application; what it stands on is opened at its start and closed at its end."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services() as opened:
            app.state.services = opened
            told = [
                asyncio.create_task(tell_status(opened), name="status"),
                asyncio.create_task(end_revoked(opened), name="revoked"),
            ]
            if os.environ.get(metrics.PORT):
                told.append(asyncio.create_task(tell_metrics(opened), name="metrics"))
            try:
                yield
            finally:
                await ended(*told)

    app = FastAPI(
        title="SmartStore Sync",
        version=health.product_version(),
        lifespan=lifespan,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    add_problems(app)
    add_away(app)
    for module in MODULES:
        app.include_router(module.router)
    add_live(app)
    add_description(app)
    app.mount("/static/docs", PageFiles(docs.FILES), name="docs")
    app.mount("/static/client", PageFiles(CLIENT), name="client")
    app.mount("/static", PageFiles(), name="static")
    app.add_middleware(Languages)
    app.add_middleware(Audited)
    app.add_middleware(BodyLimit)
    app.add_middleware(webhooks.Webhooks)
    app.add_middleware(Counting)
    return app


@contextlib.asynccontextmanager
async def open_services(endpoints: Endpoints, settings: ApiSettings) -> AsyncIterator[Services]:
    """Everything real. Starts with Kafka or Redis away; MongoDB must be there once."""
    database = open_database(endpoints, application="smartstore-api")
    cache = open_cache(endpoints)
    publisher = Publisher(endpoints)
    keyring = open_keyring(os.environ, settings.home)
    directory = Directory(database, keyring, PlatformEnvironment())
    feed = Feed(endpoints, settings.feed_ring)
    lag = Lag(endpoints)
    process = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    servers = Servers(watched(endpoints, database, cache), unix_ms)
    board = StatusBoard(database, cache, directory, feed, lag, process, servers)
    held = Conflicts(database, publisher, unix_ms)
    services = Services(
        endpoints=endpoints,
        settings=settings,
        database=database,
        cache=cache,
        directory=directory,
        publisher=publisher,
        intake=Intake(publisher, database),
        feed=feed,
        status=board,
        tickets=Tickets(cache, database),
        sessions=Sessions(database),
        people=People(database),
        audit=Audit(database, unix_ms),
        limits=RateLimits(cache),
        conflicts=held,
        batches=Batches(database, held, unix_ms),
        policies=PolicyDesk(database, directory.rulebook, unix_ms),
        forcing=Forcing(database, publisher),
        checks=Checks(database, cache, feed, lag),
        history=Sources(endpoints, database, _archive(settings), keyring, home=settings.home),
        servers=servers,
        alerts=AlertEnvironment(),
    )
    await _prepare(services)
    await feed.start()
    going = [
        asyncio.create_task(services.pulse.run(database), name="pulse"),
        asyncio.create_task(servers.run(), name="servers"),
    ]
    try:
        yield services
    finally:
        await ended(*going)
        await services.couriers.close()
        await feed.stop()
        await board.withdraw()
        await lag.close()
        await publisher.stop()
        await cache.aclose()
        await database.client.close()


def _archive(settings: ApiSettings) -> Location:
    """Where the archive is. Raises LocationInvalid."""
    return locate(ArchiveSettings().url.get_secret_value(), settings.home)


async def _prepare(services: Services) -> None:
    """Indexes, the default organisation and, for a person at a terminal, a way in. Under the
    supervisor our output is a log, where no key belongs: there the CLI shows it."""
    use, shown = services, sys.stdout.isatty()
    for wait_s in (0.5, 1, 2, 4, 8, 0):
        try:
            await ensure_indexes(use.database)
            await ensure_default_organization(use.directory, show=False)
            if shown:
                greeting = await welcome(use.directory, use.database, use.settings.base_url)
                sys.stdout.write("\n".join(greeting.lines()) + "\n")
                sys.stdout.flush()
            return
        except PyMongoError as error:
            if not wait_s:
                raise
            log.warning("MongoDB does not answer yet", error=repr(error))
            await asyncio.sleep(wait_s)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SystemExit with a clear message when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise SystemExit(
            f"smartstore api: cannot listen on {host}:{port}: {error.strerror}; "
            "set PORT or WEBSOCKET_PORT to a free one"
        ) from error
    # Closing waits until everything is sent: who never reads would be held for ever.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    opened.listen(2_048)
    opened.setblocking(False)
    return opened


def allow_files() -> None:
    """As many open files as this user may have: each client is one, and 1,024 are the usual
    beginning."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # not everywhere may the most be asked for
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    """Serve until SIGTERM or SIGINT; then finish what is under way, within STOP_S."""
    configure_logging()
    try:
        endpoints = load_endpoints(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"smartstore api: {error}\n")
        return 2
    settings = ApiSettings()
    metrics.serve(os.environ, "api")
    tracing.start(os.environ, "api")
    allow_files()
    app = create_api(lambda: open_services(endpoints, settings))
    ports = dict.fromkeys((settings.port, settings.websocket_port))
    sockets = [listen(settings.host, port) for port in ports]
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            ws_per_message_deflate=False,
            forwarded_allow_ips=settings.trusted_proxies,
            lifespan="on",
            access_log=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=STOP_S,
            timeout_keep_alive=30,
            backlog=2_048,
        )
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=sockets)
    tracing.stop()
    return 0 if server.started else 3


def configure_logging() -> None:
    """One line an event on standard error; libraries speak up only when something is wrong."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
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
    sys.exit(main())
