"""A task that drops cancellations still ends."""

from __future__ import annotations

import asyncio

import pytest

from streams import ending


async def test_a_dropped_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)
    dropped = 0

    async def deaf() -> None:
        nonlocal dropped
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                dropped += 1
                if dropped == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await ending.ended(task)
    assert dropped == 3
    assert task.cancelled()


async def test_what_has_failed_is_not_raised() -> None:
    async def fails() -> None:
        raise ValueError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await ending.ended(task)
    assert isinstance(task.exception(), ValueError)
