"""Customers' files from what was heard to what is kept, and what is served to staff."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.protocol import Connection
from streams.database import Database
from streams.whatsapp.media import Fetching, Kept, Limits, Media, served_as, want
from tests.streams.whatsapp.conftest import NOW_MS, ORG, PHONE

BASE = "https://graph.test/v25.0"
CONTENT = b"<script>alert(1)</script>"


class Clock:
    now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class Number:
    """Its connection."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        settings = {"base_url": BASE, "phone_number_id": "1"}
        secrets = {"access_token": "the-token"}
        return Connection("c", organization_id, "whatsapp", replica, settings, secrets)


def meta(answers: Callable[[], list[httpx.Response]]) -> httpx.MockTransport:
    """Meta, with these answers to questions for the file itself."""
    left = answers()

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer the-token"
        if request.url.path.endswith("/content"):
            return left.pop(0)
        told = {"url": f"{BASE}/9/content", "mime_type": "image/jpeg; charset=x"}
        return httpx.Response(200, json=told)

    return httpx.MockTransport(answer)


async def heard(database: Database, message: str = "m1", **more: Any) -> None:
    media = {"id": "9", "mimeType": "image/jpeg", **more}
    fields = {"type": "image", "conversationId": PHONE, "media": media}
    for _ in range(2):
        await want(database, ORG, "whatsapp", message, fields, NOW_MS)


@pytest.mark.servers
async def test_a_file_is_fetched_once_and_after_a_failure_later(
    fresh: Database, tmp_path: Path
) -> None:
    clock = Clock()
    media = Media(fresh, tmp_path, clock)
    await heard(fresh)
    down = [httpx.Response(500), httpx.Response(200, content=CONTENT)]
    fetching = Fetching(media, Number(), Limits(), meta(lambda: down))
    assert await fetching.once()
    assert not await fetching.once()  # not before its time
    clock.now_ms += 6_000
    assert await fetching.once()
    assert not await fetching.once()
    found = await media.kept(ORG, PHONE, "m1")
    assert found is not None
    assert (found.mime_type, found.sha256) == ("image/jpeg", sha256(CONTENT).hexdigest())
    assert found.path.read_bytes() == CONTENT
    assert found.path.stat().st_mode & 0o077 == 0
    assert await media.kept(ORG, "+94770000000", "m1") is None
    assert await media.kept("galle", PHONE, "m1") is None
    assert await media.forget(ORG, ["m1"]) == 1
    assert await media.kept(ORG, PHONE, "m1") is None
    assert not found.path.exists()


@pytest.mark.servers
async def test_what_is_too_large_or_wrong_is_said(fresh: Database, tmp_path: Path) -> None:
    media = Media(fresh, tmp_path, Clock())
    await heard(fresh, "large")
    await heard(fresh, "wrong", sha256="AAAA")
    fetching = Fetching(
        media, Number(), Limits(most=10), meta(lambda: [httpx.Response(200, content=CONTENT)] * 2)
    )
    while await fetching.once():
        pass
    rows = {row["messageId"]: row async for row in fresh["ss_media"].find()}
    assert {row["state"] for row in rows.values()} == {"failed"}
    assert "10 bytes" in rows["large"]["reason"]


def kept(path: Path, mime_type: str, filename: str = "") -> Kept:
    path.write_bytes(CONTENT)
    return Kept(path, mime_type, filename, "ab" * 32)


@pytest.mark.parametrize(
    ("mime_type", "shown_as", "way"),
    [
        ("image/png", "image/png", "inline"),
        ("application/pdf", "application/pdf", "attachment"),
        ("audio/ogg", "audio/ogg", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
    ],
)
def test_no_browser_runs_what_a_customer_sent(
    tmp_path: Path, mime_type: str, shown_as: str, way: str
) -> None:
    content, headers = served_as(kept(tmp_path / "f", mime_type, 'a"\r\nb: c.html'))
    assert content == CONTENT
    assert headers["content-type"] == shown_as
    assert headers["content-disposition"].startswith(f"{way}; filename*=UTF-8''a%22%0D%0Ab")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
