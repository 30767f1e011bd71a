"""`smartstore couriers` against real servers and a sandbox of couriers."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from api.main import listen
from runtime.cli import app
from runtime.errors import SmartStoreError
from sandbox.app import create_sandbox
from sandbox.couriers.depot import Depot, Settings
from schemas.settings import Endpoints
from streams.couriers.service import open_service
from streams.topics import ensure_topics
from tests.support.courier_bench import PICKUP, SECRETS, SETTINGS

pytestmark = pytest.mark.servers

ORDER = {
    "pickupAddress": {
        "name": "John Doe", "phone": "+94112345678", "address": "123 Main St", "city": "Colombo",
        "postalCode": "10000",
    },
    "deliveryAddress": {
        "name": "Jane Smith", "phone": "+94771234560", "address": "456 Oak Ave", "city": "Kandy",
        "postalCode": "20000",
    },
    "package": {
        "weight": 2.5, "length": 30, "width": 20, "height": 15,
        "description": "Electronics package",
    },
    "orderId": "ORD-123",
}  # fmt: skip
"""The user's own example."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """An Aramex account's address."""
    application = create_sandbox(httpx.MockTransport(lambda _: httpx.Response(200)))
    world = application.state.world
    world.depots["aramex"] = Depot("aramex", "aramex", Settings(per_s=0, per_day=0), world.clock)
    opened = listen("127.0.0.1", 0)
    config = uvicorn.Config(application, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    yield f"http://127.0.0.1:{opened.getsockname()[1]}/couriers/aramex"
    server.should_exit = True
    thread.join()
    opened.close()


@pytest.fixture
def environment(
    servers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A database of its own."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path))
    prefix = f"{secrets.token_hex(4)}."
    own = {"DATABASE_URL": url, "KAFKA_TOPIC_PREFIX": prefix, "KAFKA_PARTITIONS": "1"}
    for name, value in {**servers, **own}.items():
        monkeypatch.setenv(name, value)
    asyncio.run(ensure_topics(Endpoints()))


def said(*words: str) -> Any:
    found = CliRunner().invoke(app, ["couriers", *words, "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def connect(url: str) -> None:
    given = {**SETTINGS["aramex"], **PICKUP, "base_url": url, "allow_private_addresses": "true"}
    pairs = [part for name, value in given.items() for part in ("--setting", f"{name}={value}")]
    keys = [p for name, value in SECRETS["aramex"].items() for p in ("--secret", f"{name}={value}")]
    assert said("add", "aramex", *pairs, *keys)["state"] == "connected"


def test_connect_try_ship_follow_and_remove(environment: None, sandbox: str) -> None:
    connect(sandbox)
    states = {row["code"]: row["state"] for row in said("list")}
    assert (states["aramex"], states["ups"]) == ("connected", "not connected")
    assert said("test", "aramex")["ok"] is True
    refused = CliRunner().invoke(app, ["couriers", "ship", "o-9", "--courier", "aramex", "--json"])
    assert refused.exit_code == 1
    (row,) = json.loads(refused.stdout)
    assert "deliveryAddress" in row["told"]
    assert said("manifest") == []
    assert said("cod") == []
    gone = CliRunner().invoke(app, ["couriers", "remove", "aramex", "--yes"])
    assert gone.exit_code == 0
    assert {row["code"]: row["state"] for row in said("list")}["aramex"] == "not connected"


def test_errors_are_one_line_with_the_way_out(environment: None, tmp_path: Path) -> None:
    for words, told in (
        (["test", "aramex"], "aramex is not connected"),
        (["track", "123"], "nobody follows 123"),
        (["track", "123", "--courier", "nobody"], "not connected"),
        (["add", "nobody"], "no courier is called 'nobody'"),
        (["add", "aramex", "--secret", "password=x"], "needs more"),
        (["fields", "nobody"], "no courier is called 'nobody'"),
    ):
        found = CliRunner().invoke(app, ["couriers", *words])
        assert isinstance(found.exception, SmartStoreError), (words, found.output)
        assert told in found.exception.message
        assert found.exception.fix.startswith("smartstore couriers")
    broken = tmp_path / "mine.profile.json"
    broken.write_text('{\n "slug": "mine",\n "nonsense": 1\n}')
    found = CliRunner().invoke(app, ["couriers", "add", "mine", "--profile", str(broken)])
    assert isinstance(found.exception, SmartStoreError)
    assert "line 3" in found.exception.message


def test_python_in_the_users_own_names(environment: None, sandbox: str) -> None:
    async def use() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        async with open_service() as couriers:
            await couriers.add_courier(
                {
                    "name": "Aramex", "code": "aramex", "baseUrl": sandbox, "isActive": True,
                    "organizationId": "default",
                    "settings": {**SETTINGS["aramex"], "allow_private_addresses": "true"},
                    "secrets": SECRETS["aramex"],
                }
            )  # fmt: skip
            made = await couriers.create_shipment(ORDER, "aramex")
            again = await couriers.create_shipment(ORDER, "aramex")
            found = await couriers.track_shipment(made["trackingNumber"], "aramex")
            return made, again, found

    made, again, found = asyncio.run(use())
    # The same order again is the same label.
    assert made == again
    assert (made["courierCode"], made["orderId"], made["status"]) == (
        "aramex",
        "ORD-123",
        "Created",
    )
    assert {
        "trackingNumber", "courierCode", "status", "location", "timestamp", "description",
        "estimatedDelivery", "events",
    } <= found.keys()  # fmt: skip
    assert (found["trackingNumber"], found["status"]) == (made["trackingNumber"], "Created")
    began = time.perf_counter()
    tracked = said("track", made["trackingNumber"])
    assert tracked["status"] == "Created"
    assert time.perf_counter() - began < 10
