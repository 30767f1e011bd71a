"""`smartstore events`: the search of /events in a terminal."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import FeedLine
from schemas.settings import Endpoints
from streams.database import open_database
from streams.history import HistoryViews
from streams.kafka.records import Incoming

pytestmark = pytest.mark.servers


@pytest.fixture
def now_ms(servers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """A database of its own with a change and a refusal of this minute."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path))
    for name, value in {**servers, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)
    at_ms = unix_ms() - 60_000

    async def put() -> None:
        database = open_database(Endpoints(DATABASE_URL=url))

        async def park(_record: Incoming, reason: str) -> None:
            raise AssertionError(reason)

        lines = [
            FeedLine(organization_id="default", type="product", entity_id="p1", id="a",
                     kind="changed", version=2, at_ms=at_ms, label="Tea", source="woocommerce",
                     fields={"price": "12"}, previous={"price": "10"}),
            FeedLine(organization_id="default", type="order", entity_id="o1", id="b",
                     kind="failed", version=3, at_ms=at_ms + 1, replica="woocommerce",
                     reason="too long"),
        ]  # fmt: skip
        records = [
            Incoming("feed", 0, n, one.at_ms, b"", encode(one)) for n, one in enumerate(lines)
        ]
        await HistoryViews(database, park).handle(records)
        await database.client.close()

    asyncio.run(put())
    return at_ms


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["events", *words])
    return done.exit_code, done.stdout


def test_listed_by_filters_and_shown(now_ms: int) -> None:
    code, listed = run("list", "--since", "1h")
    assert code == 0
    assert listed.splitlines()[0].startswith(f"{now_ms + 1}-1  ")
    assert "WooCommerce changed price" in listed
    code, failed = run("list", "--outcome", "failed", "--json")
    told = [json.loads(line) for line in failed.splitlines()]
    assert [(one["event"], one["reason"]) for one in told] == [(f"{now_ms + 1}-1", "too long")]
    code, none = run("list", "Nothing of the kind")
    assert (code, none) == (0, "")
    code, shown = run("show", f"{now_ms}-0")
    assert code == 0
    assert "price: 10 → 12" in shown
    assert run("show", f"{now_ms}-9")[0] == 1
    assert run("retry", "--dry-run") == (0, "would send 0\n")
