"""`smartstore keys`: a new key in the file, everything brought to it, the old one taken away."""

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
from runtime.errors import SmartStoreError
from schemas.settings import Endpoints
from streams.database import Database, open_database
from streams.directory import Directory
from streams.keyring import Keyring, open_keyring

pytestmark = pytest.mark.servers


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["keys", *arguments])
    if isinstance(done.exception, SmartStoreError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_from_an_old_key_to_a_new_one(
    servers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path))
    monkeypatch.delenv("SMARTSTORE_SECRET_KEY", raising=False)
    for name in ("KAFKA_URL", "REDIS_URL"):
        monkeypatch.setenv(name, servers[name])
    monkeypatch.setenv("DATABASE_URL", url)

    async def with_keys(ring: Keyring, *, make: bool = False) -> dict[str, str]:
        database: Database = open_database(Endpoints(DATABASE_URL=url))
        directory = Directory(database, ring)
        if make:
            await directory.ensure_organization("kandy", "Kandy")
            secret = {"access_token": "EAAG-secret"}
            await directory.connect("kandy", "whatsapp", {}, secret, first_sync="newest")
        found = await directory.connection("kandy", "whatsapp")
        await database.client.close()
        assert found is not None
        return dict(found.secrets)

    running = open_keyring({}, tmp_path)  # of a process that goes on all the while
    old = running.newest
    asyncio.run(with_keys(running, make=True))
    told("new")
    status = json.loads(told("status", "--json"))
    assert status["newest"] != old
    assert (status["keys"], status["removable"]) == ({status["newest"]: 0, old: 1}, [])
    with pytest.raises(SmartStoreError, match="1 secrets need"):
        told("drop", old)
    assert json.loads(told("rotate", "--json"))["moved"] == 1
    assert json.loads(told("status", "--json"))["removable"] == [old]
    assert asyncio.run(with_keys(running)) == {"access_token": "EAAG-secret"}
    told("drop", old)
    assert open_keyring({}, tmp_path).key_ids == (status["newest"],)
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    with pytest.raises(SmartStoreError, match="newest"):
        told("drop", status["newest"])
