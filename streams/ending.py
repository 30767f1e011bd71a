"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 5.0
"""So long a task has for what it does last, before it is asked again."""


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel each until it has ended; what it raised is not told.

    Asking once is not enough: before Python 3.12 `asyncio.wait_for`, which PyMongo's calls use,
    drops a cancellation that meets the end of what it waits for, and a loop around it goes on.
    """
    going = {task for task in tasks if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
