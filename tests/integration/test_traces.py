"""What is seen of the product from outside: a trace from webhook to sink; and what must never be:
a secret in clear. Processes of their own, since these ones trace."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.login import COOKIE
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from runtime.processes import PROCESSES
from runtime.servers.ports import free_port
from streams.cache import open_cache
from streams.database import Database, open_database
from streams.directory import Directory
from streams.keyring import open_keyring
from support.leaks import leaks
from support.small_shop import settled, sku, stock_up
from support.waiting import until

pytestmark = pytest.mark.timeout(240)
PASSWORD = "a sentence of rain and tea"
CHAIN = [
    "call write",
    "process commands.mongodb",
    "send commands.mongodb",
    "process observations",
    "send observations",
    "process inbound",
    "send inbound",
    "POST",
]
"""From the sink's call up to the shop's webhook."""


class Collector:
    """Takes OTLP over HTTP; spans by their id."""

    def __init__(self) -> None:
        self.spans: dict[bytes, Any] = {}
        self.services: set[str] = set()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans |= {span.span_id: span for span in scope.spans}

    def up(self, span: Any) -> list[str]:
        """Names from this span to the top of its trace."""
        found = [span.name]
        while above := self.spans.get(span.parent_span_id):
            span = above
            found.append(span.name)
        return found

    def chains(self) -> list[list[str]]:
        """Of every call of a sink."""
        calls = [one for one in list(self.spans.values()) if one.name.startswith("call ")]
        return [self.up(one) for one in calls]


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    taken = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield taken, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def traced(
    servers: dict[str, str],
    collector: tuple[Collector, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """All processes but the archive, on the session's servers."""
    name, taken = f"t{secrets.token_hex(4)}", set[int]()
    base = {**servers, "REDIS_URL": servers["REDIS_URL"].rpartition("/")[0] + "/13"}
    for port in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT"):
        taken.add(free := free_port(taken))
        base[port] = str(free)
    base["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector[1]
    base["OTEL_BSP_SCHEDULE_DELAY"] = "300"
    entries = [one for one in PROCESSES if one.name != "archive"]
    folder = tmp_path_factory.mktemp("traced")
    with System(folder, prefix=f"{name}.", database=name, entries=entries, base=base) as started:
        yield started


@pytest.fixture
async def merchant(traced: System) -> AsyncIterator[Merchant]:
    async with open_merchant(traced, f"m{secrets.token_hex(4)}", Platforms(load=False)) as made:
        yield made


async def test_one_trace_leads_from_the_webhook_to_the_sink(
    merchant: Merchant, collector: tuple[Collector, str]
) -> None:
    await stock_up(merchant, 1, 10)
    await merchant.sandbox.edit_product(merchant.shop.name, sku(0), name="Renamed in the shop")
    await settled(merchant)

    async def look() -> list[list[str]]:
        return collector[0].chains()

    await until(look, lambda chains: CHAIN in chains)
    spans = list(collector[0].spans.values())
    answered = [collector[0].up(one) for one in spans if one.name == "process outcomes"]
    assert ["process outcomes", "send outcomes", *CHAIN[1:]] in answered
    assert {"api", "inbound", "reconcile", "sinks"} <= collector[0].services
    told = "".join(map(str, spans))
    assert merchant.api_key not in told
    assert "Renamed" not in told


async def test_no_secret_lies_anywhere_in_clear(merchant: Merchant, traced: System) -> None:
    await stock_up(merchant, 2, 10)
    held = {
        "api key": merchant.api_key,
        "password": PASSWORD,
        "key of the secrets": (traced.home / "secret.key").read_text().strip(),
        **await _entered(merchant, traced.url),
    }
    wanted = {"webhookUrl": "http://127.0.0.1:9/alerts", "emails": ["nimal@example.lk"]}
    made = await merchant.ask("PUT", "/api/alerts/settings", wanted)
    held["alert secret"] = made["webhookSecret"].removeprefix("whsec_")
    held["ticket"] = (await merchant.ask("POST", "/api/ws/ticket"))["ticket"]
    await merchant.ask("POST", "/api/alerts/test")
    await merchant.take_stock(f"{merchant.organization_id}-1000", 1)
    await settled(merchant)
    endpoints = traced.endpoints()
    database, redis = open_database(endpoints), open_cache(endpoints)
    try:
        held |= await _connected(database, merchant, traced)
        assert "whatsapp access_token" in held
        found, seen = await leaks(held, database, endpoints, redis, traced.home)
        await database["planted"].insert_one({"text": f"key={merchant.api_key}"})
        planted, _ = await leaks(held, database, endpoints, redis, traced.home)
    finally:
        await database.client.close()
        await redis.aclose()
    assert found == []
    assert planted == ["api key in mongodb planted"], "it would have been found"
    assert {"mongodb", "kafka", "redis", "logs"} <= seen.keys()
    assert min(seen.values()) > 0


async def _entered(merchant: Merchant, url: str) -> dict[str, str]:
    """Somebody is invited, chooses a password and logs in."""
    wanted = {"email": f"{merchant.organization_id}@example.lk", "role": "owner"}
    invited = await merchant.ask("POST", "/api/people", wanted)
    token = parse_qs(urlsplit(invited["invitation"]).query)["token"][0]
    async with httpx.AsyncClient(base_url=url) as browser:
        chosen = {"token": token, "password": PASSWORD, "again": PASSWORD}
        answer = await browser.post("/password", data=chosen)
        assert answer.status_code == 303, answer.text
        return {"invitation": token, "session": browser.cookies[COOKIE]}


async def _connected(database: Database, merchant: Merchant, traced: System) -> dict[str, str]:
    """What the connections were given."""
    directory = Directory(database, open_keyring(traced.environment(), traced.home))
    return {
        f"{one.replica} {name}": value
        for one in await directory.connections(merchant.organization_id)
        for name, value in one.secrets.items()
    }
