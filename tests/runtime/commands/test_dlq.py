import asyncio
import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from schemas.codec import encode
from schemas.settings import Endpoints
from streams.database import open_database
from streams.deadletter import DeadLetterViews, letter_of
from streams.kafka.records import Incoming

pytestmark = pytest.mark.servers


@pytest.fixture
def environment(
    servers: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A database of its own with one dead letter; its id."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("KAFKA_URL", servers["KAFKA_URL"])
    monkeypatch.setenv("REDIS_URL", servers["REDIS_URL"])
    record = Incoming("inbound", 1, 7, 1000, b"org/shop/product/1", b'{"a": 1}', [("ce_id", b"d1")])
    letter = letter_of(record, "org", "inbound", "not understood", 1_795_339_800_000)

    async def put() -> None:
        database = open_database(Endpoints(DATABASE_URL=url))
        await DeadLetterViews(database).handle(
            [Incoming("deadletter", 0, 0, 0, b"", encode(letter))]
        )
        await database.client.close()

    asyncio.run(put())
    return letter.id


def test_listed_and_shown(environment: str) -> None:
    run = CliRunner()
    listed = run.invoke(app, ["dlq", "list", "--json"])
    assert listed.exit_code == 0, listed.output
    (row,) = json.loads(listed.output)
    assert (row["id"], row["reason"], row["at"]) == (
        environment,
        "not understood",
        "2026-11-22T09:30:00.000Z",
    )
    shown = run.invoke(app, ["dlq", "show", environment])
    assert '{"a": 1}' in shown.output
    assert run.invoke(app, ["dlq", "show", "nothing"]).exit_code == 1
    assert (
        "No dead letters" in run.invoke(app, ["dlq", "list", "--org", "x", "--since", "4w"]).output
    )


def test_a_dry_run_sends_nothing(environment: str) -> None:
    run = CliRunner()
    for arguments in (
        ["retry", "--dry-run", "--json"],
        ["retry", environment, "--dry-run", "--json"],
    ):
        done = run.invoke(app, ["dlq", *arguments])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output) == {"dryRun": True, "sent": [environment], "impossible": []}
    late = run.invoke(
        app, ["dlq", "retry", "--since", "2026-11-22T10:00:00Z", "--dry-run", "--json"]
    )
    assert json.loads(late.output)["sent"] == []
    assert run.invoke(app, ["dlq", "retry", "--since", "soon"]).exit_code == 1
