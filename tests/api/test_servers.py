"""A server that stops answering is noticed, and so is its return."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from api.pages.i18n import speaking
from api.servers import Servers
from api.status import NOTHING, StatusBoard, away_sentence, state_of


async def test_each_server_is_followed_by_itself() -> None:
    answers = {"kafka": asyncio.Event(), "redis": asyncio.Event()}
    answers["redis"].set()

    async def kafka() -> None:
        await answers["kafka"].wait()

    async def redis() -> None:
        if not answers["redis"].is_set():
            raise OSError("refused")

    now = 1_000
    servers = Servers({"kafka": kafka, "redis": redis}, lambda: now, every_s=0.001, patience_s=0.02)
    task = asyncio.create_task(servers.run())

    async def moved() -> None:
        async with asyncio.timeout(5):
            await servers.moved.wait()
        servers.moved.clear()

    await moved()
    assert servers.away == {"kafka": 1_000}
    answers["redis"].clear()
    await moved()
    assert set(servers.away) == {"kafka", "redis"}
    answers["kafka"].set()
    await moved()
    assert set(servers.away) == {"redis"}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_with_mongodb_away_the_last_figures_stand_and_the_sentence_says_so() -> None:
    servers = Servers()
    servers.away["mongodb"] = 1_795_000_000_000
    nobody: Any = {"ss_conflicts": None}
    board = StatusBoard(nobody, None, None, None, None, "p", servers, lambda: 5)  # type: ignore[arg-type]
    told = await board.of("kandy")
    assert (told.state, told.away, told.pending_events) == ("away", ("mongodb",), 0)
    assert told.sentence.startswith("MongoDB does not answer since ")
    with speaking("si"):
        assert "MongoDB පිළිතුරු නොදෙයි" in board.said(told).sentence
    assert NOTHING.sentence == ""


def test_each_server_has_its_own_consequence() -> None:
    assert "go on when it is back" in away_sentence("kafka", 5)
    assert "only slower" in away_sentence("redis", 5)
    assert state_of(True, 0, 0.0, 0) == "synced"
