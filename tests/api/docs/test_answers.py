"""Answers are what /openapi.json says they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import FeedLine
from streams.access import Role
from streams.history import HistoryViews
from streams.kafka import Incoming

pytestmark = pytest.mark.servers
NEEDED = {"/api/shipments/manifest": "?date=2026-11-22", "/api/history/at": None,
          "/api/history/diff": None, "/api/replay": None, "/api/courier/track": None,
          "/api/whatsapp/templates": None}  # fmt: skip
"""What must be asked for with them; None: with Kafka or Meta, in tests of their own."""


async def test_lists_are_as_described(api: Any, feed_line: Callable[..., FeedLine]) -> None:
    use, now_ms = api.services, unix_ms()

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    line = feed_line("kandy", 3, at_ms=now_ms)
    await HistoryViews(use.database, park).handle(
        [Incoming("feed", 0, 3, now_ms, b"", encode(line))]
    )
    await use.directory.connect(
        "kandy", "whatsapp", {"phone_number_id": "5"}, {"access_token": "t", "app_secret": "a"}
    )
    await use.people.add("kandy", "nimal@example.lk", "Nimal", Role.STAFF)
    document = api.app.openapi()
    seen, wrong = 0, []
    async with api.client("kandy") as client:
        for path, methods in document["paths"].items():
            asked = NEEDED.get(path, "")
            if "get" not in methods or "{" in path or asked is None:
                continue
            answer = await client.get(path + asked)
            if not answer.headers.get("content-type", "").startswith("application/json"):
                continue
            told = methods["get"]["responses"][str(answer.status_code)]
            schema = told["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            found = jsonschema_rs.validator_for(whole).iter_errors(answer.json())
            wrong += [f"{path} {error.instance_path}: {error.message[:200]}" for error in found]
            seen += 1
    assert wrong == []
    assert seen > 25
