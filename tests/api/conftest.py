"""The api on a real MongoDB and Redis; Kafka is a list, so that tests see what would be sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from api.audit import Audit
from api.batches import Batches
from api.checks import Checks
from api.conflicts import Conflicts
from api.feed import Feed
from api.forcing import Forcing
from api.login import Sessions
from api.main import create_api, listen
from api.policies import PolicyDesk
from api.services import Services
from api.settings import ApiSettings
from api.status import StatusBoard
from api.tokens import Tickets
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import ConflictLine, FeedLine
from schemas.settings import Endpoints
from streams.cache import open_cache
from streams.database import Database, ensure_indexes, open_database
from streams.directory import Directory
from streams.intake import Unavailable
from streams.kafka import Incoming, Outgoing, PublishFailed
from streams.kafka.lag import Lag
from streams.keyring import Keyring
from streams.people import People
from streams.views import ConflictViews
from support.desk import Desk


@dataclass
class Sent:
    """What was published or accepted, and what happens on the next try."""

    records: list[Outgoing] = field(default_factory=list)
    fails: bool = False
    desk: Desk | None = None
    """Who decides on what was published."""

    async def publish(self, *records: Outgoing) -> None:
        if self.fails:
            raise PublishFailed("no broker")
        self.records.extend(records)
        if self.desk is not None:
            await self.desk.publish(*records)

    async def accept(self, delivery: Outgoing) -> object:
        if self.fails:
            raise Unavailable("neither")
        self.records.append(delivery)
        return SimpleNamespace(held=False)


class StillLag:
    """Nothing waits."""

    async def by_topic(self) -> Mapping[str, int]:
        return {"inbound": 0}


@dataclass
class Api:
    """The application, its services, and a client for each of two organisations."""

    services: Services
    sent: Sent
    app: Any
    keys: dict[str, str]
    client: Callable[..., httpx.AsyncClient]


def own_endpoints(servers: dict[str, str]) -> Endpoints:
    """The servers, with topics and a Redis database of this test's own: nobody else's figures."""
    return Endpoints.model_validate(
        {
            **servers,
            "REDIS_URL": servers["REDIS_URL"].rpartition("/")[0] + "/15",
            "KAFKA_PARTITIONS": 2,
            "KAFKA_TOPIC_PREFIX": f"{uuid.uuid4().hex[:8]}.",
        }
    )


@pytest.fixture(scope="session")
def database_name() -> str:
    """One for all tests here, emptied before each (whatever became of the one before): making its
    indexes takes longer than a test."""
    return f"test_{uuid.uuid4().hex}"


async def emptied(database: Database) -> None:
    """Documents go, indexes stay."""
    for name in await database.list_collection_names():
        await database[name].delete_many({})


def services_of(
    endpoints: Endpoints, database: Database, directory: Directory, sent: Sent
) -> Services:
    """The real ones, but for Kafka."""
    cache, feed, lag = open_cache(endpoints), Feed(endpoints, 100), cast("Lag", StillLag())
    feed.ready.set()
    conflicts = Conflicts(database, sent, unix_ms, patience_s=0.0)
    return Services(
        endpoints=endpoints,
        settings=ApiSettings.model_validate({"PORT": 3000, "WEBSOCKET_PORT": 3001}),
        database=database,
        cache=cache,
        directory=directory,
        publisher=sent,
        intake=sent,
        feed=feed,
        status=StatusBoard(database, cache, directory, feed, lag, uuid.uuid4().hex),
        tickets=Tickets(cache, database),
        sessions=Sessions(database),
        people=People(database),
        audit=Audit(database, unix_ms),
        conflicts=conflicts,
        batches=Batches(database, conflicts, unix_ms),
        policies=PolicyDesk(database, directory.rulebook, unix_ms),
        forcing=Forcing(database, sent),
        checks=Checks(database, cache, feed, lag),
    )


@dataclass
class Application:
    """One for all tests, as FastAPI works out each route when it is first asked for; `services` are
    those of the test that runs."""

    services: Services | None = None
    indexed: bool = False
    """Whether the database that all tests share has its indexes."""

    def __post_init__(self) -> None:
        self.app = create_api(self._open)

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Services]:
        assert self.services is not None
        yield self.services


@pytest.fixture(scope="session")
def application() -> Application:
    return Application()


@pytest.fixture
async def api(
    servers: dict[str, str], database_name: str, application: Application
) -> AsyncIterator[Api]:
    endpoints = own_endpoints(servers)
    opened = open_database(endpoints)
    database = opened.client[database_name]
    if not application.indexed:
        await ensure_indexes(database)
        application.indexed = True
    await emptied(database)
    directory = Directory(database, Keyring([b"k" * 32]))
    keys = {}
    for name in ("kandy", "galle"):
        keys[name] = (await directory.create_organization(name, f"{name} shop"))[1]
    sent = Sent()
    services = services_of(endpoints, database, directory, sent)
    application.services, app = services, application.app

    def client(name: str = "", address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        if name:
            headers["authorization"] = f"Bearer {keys[name]}"
        transport = httpx.ASGITransport(app, client=(address, 4711))
        return httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:3000", headers=headers
        )

    async with app.router.lifespan_context(app):
        yield Api(services, sent, app, keys, client)
    await services.feed.stop()
    await services.status.withdraw()
    await services.cache.aclose()
    await database.client.close()


@pytest.fixture
def desk(api: Api) -> Desk:
    """The engine, for what the api publishes."""
    api.sent.desk = Desk(api.services.database)
    return api.sent.desk


@pytest.fixture
def feed_line() -> Callable[..., FeedLine]:
    """A feed line with everything but what matters filled in."""

    def make(organization_id: str = "kandy", version: int = 1, **named: Any) -> FeedLine:
        values: dict[str, Any] = {
            "type": "product",
            "entity_id": "p1",
            "id": f"{organization_id}-{version}-{named.get('kind', 'changed')}",
            "kind": "changed",
            "source": "woocommerce",
            "fields": {"price": "1899.5"},
            "at_ms": 1_795_000_000_000 + version,
        }
        return FeedLine(organization_id=organization_id, version=version, **{**values, **named})

    return make


@pytest.fixture
def as_record() -> Callable[..., Any]:
    """A line as Kafka would bring it."""

    def make(line: Any, offset: int, partition: int = 0) -> Any:
        return SimpleNamespace(value=encode(line), offset=offset, partition=partition)

    return make


class Live:
    """A served api and what tests do with it."""

    def __init__(
        self, api: Any, port: int, make: Callable[..., FeedLine], as_record: Callable[..., Any]
    ) -> None:
        self.api = api
        self.port = port
        self._make = make
        self.as_record = as_record

    async def ticket(self, name: str = "kandy") -> str:
        async with self.api.client(name) as client:
            ticket: str = (await client.post("/api/ws/ticket")).json()["ticket"]
            return ticket

    def feed(self, organization_id: str, *versions: int, **named: Any) -> None:
        """Lines arrive in the feed; the version is the offset."""
        ring = self.api.services.feed.ring_of(organization_id)
        for version in versions:
            line = self._make(organization_id, version, **named)
            record = self.as_record(line, version, ring.partition)
            self.api.services.feed.take([record])

    async def show(self, *lines: ConflictLine) -> None:
        """Conflicts arrive in the view."""

        async def park(_record: Incoming, reason: str) -> None:
            raise AssertionError(reason)

        views = ConflictViews(self.api.services.database, park)
        await views.handle([Incoming("conflicts", 0, 0, 0, b"", encode(line)) for line in lines])

    @contextlib.asynccontextmanager
    async def open(
        self, name: str = "kandy", path: str = "/ws", **first: Any
    ) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
        """A connection after its hello."""
        ticket = await self.ticket(name)
        async with connect(f"ws://127.0.0.1:{self.port}{path}") as socket_:
            await socket_.send(json.dumps({"type": "connect", "ticket": ticket, **first}))
            hello: dict[str, Any] = {}
            while hello.get("type") != "hello":
                hello = json.loads(await asyncio.wait_for(socket_.recv(), 10))
            yield socket_, hello


@pytest.fixture
async def live(
    api: Any, feed_line: Callable[..., FeedLine], as_record: Callable[..., Any]
) -> AsyncIterator[Live]:
    opened = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        api.app, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[opened]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0)
    yield Live(api, opened.getsockname()[1], feed_line, as_record)
    server.should_exit = True
    await task
