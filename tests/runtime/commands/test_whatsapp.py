"""Messages from the command line, on a system without a sender."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner, Result

from runtime.cli import app
from runtime.errors import SmartStoreError
from schemas.clock import unix_ms
from schemas.settings import Endpoints
from streams.database import ensure_indexes, open_database
from streams.effects.ledger import LISTED_MS, Ledger
from streams.whatsapp.dispatch import command_of
from streams.whatsapp.sends import Sends

pytestmark = pytest.mark.servers

TO = "+94771234567"


@pytest.fixture
def shop(servers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One held message, and one of which nobody knows."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    for name, value in {**servers, "DATABASE_URL": url, "SMARTSTORE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAFKA_TOPIC_PREFIX", f"t{secrets.token_hex(4)}.")
    monkeypatch.setattr("streams.whatsapp.service.ANSWER_S", 0.0)

    async def put() -> None:
        database = open_database(Endpoints(DATABASE_URL=url))
        await ensure_indexes(database)
        sends = Sends(database)
        common: dict[str, Any] = {"replica": "whatsapp", "to": TO, "purpose": "answer"}
        held = await sends.want("default", "held", kind="text", message={"type": "text"}, **common)
        await sends.change(held, state="held", why="window", reason="has not written")
        lost = await sends.want("default", "lost", kind="text", message={"type": "text"}, **common)
        at_ms = unix_ms() - LISTED_MS
        await Ledger(database).claim(command_of(lost, at_ms), at_ms)
        await database.client.close()

    asyncio.run(put())


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["whatsapp", *arguments])


def test_held_and_unknown_are_listed_and_decided(shop: None) -> None:
    shown = call("held").stdout
    assert TO in shown
    assert "has not written" in shown
    (one,) = json.loads(call("held", "--json").stdout)
    assert (one["state"], one["why"]) == ("held", "window")
    assert "cancelled" in call("cancel", one["id"]).stdout
    assert call("held").stdout.strip() == "Nothing is held."
    assert isinstance(call("cancel", one["id"]).exception, SmartStoreError)
    assert "lost" in call("unknown").stdout
    assert "not listed" in call("resend", "lost", "--give-up").stdout
    assert call("unknown").stdout.strip() == "Nothing is unknown."


def test_what_cannot_be_sent_says_why(shop: None) -> None:
    told = call("send", "0771234567", "Hello")
    assert isinstance(told.exception, SmartStoreError)
    assert "no WhatsApp number is connected" in told.exception.message
    assert "no JSON" in str(call("send", TO, "{", "--kind", "buttons").exception)
