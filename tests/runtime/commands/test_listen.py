"""`smartstore listen` in a terminal."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.commands.listen import json_line, line
from runtime.errors import CannotServe, SmartStoreError
from schemas.live import LiveEvent

E = LiveEvent(
    id="kandy-7-0",
    type="product",
    action="update",
    data={"price": "1899.5", "name": "BOPF\x1b[31m tea"},
    source="woocommerce",
    timestamp="2026-11-22T05:00:07.000Z",
    organization_id="kandy",
    entity_id="66f1a2b3",
    kind="changed",
    cursor="2-118",
    label="Ceylon BOPF 400 g",
)


def test_a_line_is_read_at_a_glance() -> None:
    shown = line(E)
    assert shown.startswith("05:00:07  product    Ceylon BOPF 400 g ")
    assert "WooCommerce changed price, name (price: 1,899.50, name: BOPF" in shown
    assert shown.endswith("  2-118"), "the cursor to go on from"
    assert "\x1b" not in shown, "nobody's text colours the terminal"


def test_json_is_what_clients_get() -> None:
    shown = json.loads(json_line(E))
    assert (shown["entityId"], shown["data"]["price"]) == ("66f1a2b3", "1899.5")
    assert "\n" not in json_line(E)


def test_another_server_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMARTSTORE_API_KEY", raising=False)
    done = CliRunner().invoke(app, ["listen", "--url", "http://127.0.0.1:1"])
    assert isinstance(done.exception, SmartStoreError)
    assert done.exception.message == "--url needs a key"


def test_nobody_there_is_told() -> None:
    done = CliRunner().invoke(app, ["listen", "--url", "http://127.0.0.1:1", "--key", "ssk_x"])
    assert isinstance(done.exception, CannotServe)
    assert "127.0.0.1:1" in done.exception.message
