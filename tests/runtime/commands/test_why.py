"""`smartstore why` in a terminal."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.errors import SmartStoreError
from schemas.codec import encode
from schemas.feed import FeedLine
from schemas.settings import Endpoints
from streams.database import ensure_indexes, open_database
from streams.entities import EntityViews
from streams.history import HistoryViews
from streams.kafka.records import Incoming
from streams.sync.record import Agreed, Record, Replica, Shadow

pytestmark = pytest.mark.servers

T0 = 1_795_000_000_000


@pytest.fixture
def kandy(
    servers: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A database of its own with one item: the app holds 9, all agree on 7."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("KAFKA_URL", servers["KAFKA_URL"])
    monkeypatch.setenv("REDIS_URL", servers["REDIS_URL"])
    held = {"quantity": Shadow(9, 9)}
    item = Record(
        "kandy",
        "inventory",
        "p1",
        1,
        2,
        fields={"sku": Agreed("TEA-400", T0, "mongodb"), "quantity": Agreed(7, T0, "woocommerce")},
        replicas={"mongodb": Replica(external_id="p1", exists=True, shadow=held)},
    )
    line = FeedLine(
        organization_id="kandy",
        type="inventory",
        entity_id="p1",
        id="inventory/p1/2/0",
        kind="changed",
        source="woocommerce",
        fields={"quantity": 7},
        previous={"quantity": 9},
        version=2,
        at_ms=T0,
        cause="obs-7",
    )

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    async def put() -> None:
        database = open_database(Endpoints(DATABASE_URL=url))
        await ensure_indexes(database)
        row = Incoming("entities-changelog", 0, 0, T0, b"kandy/inventory/p1", encode(item))
        await EntityViews(database, "log/", park).handle([row])
        told = Incoming("feed", 0, 0, T0, b"kandy", encode(line))
        await HistoryViews(database, park).handle([told])
        await database.client.close()

    asyncio.run(put())


@pytest.mark.usefixtures("kandy")
@pytest.mark.parametrize(
    "words",
    [["product", "TEA-400", "quantity"], ["p1", "quantity"], ["inventory", "p1", "quantity"]],
)
def test_a_value_is_explained(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["why", *words, "--org", "kandy"])
    assert done.exit_code == 0, done.output
    assert "TEA-400 · stock 7" in done.output
    assert "7 because WooCommerce took 2 off" in done.output
    assert "obs-7" in done.output
    assert "owed" in done.output


@pytest.mark.usefixtures("kandy")
def test_the_whole_answer_as_json() -> None:
    done = CliRunner().invoke(app, ["why", "p1", "quantity", "--org", "kandy", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["value"], found["steps"][0]["cause"]) == (7, "obs-7")


@pytest.mark.usefixtures("kandy")
def test_without_a_field_what_stands_is_shown() -> None:
    done = CliRunner().invoke(app, ["why", "inventory", "TEA-400", "--org", "kandy"])
    assert done.exit_code == 0, done.output
    assert "stock" in done.output
    assert "Your app" in done.output


@pytest.mark.usefixtures("kandy")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["TEA-401", "quantity"], "TEA-401"),
        (["p1", "reserved"], "no field"),
        (["a", "b", "c", "d"], "too many"),
        (["p1", "quantity", "--by", "name"], "--by"),
    ],
)
def test_what_cannot_be_told_is_one_line_and_a_way_out(words: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["why", *words, "--org", "kandy"])
    assert isinstance(done.exception, SmartStoreError)
    assert done.exception.exit_code == 1
    assert told in done.exception.message
    assert "\n" not in done.exception.message
