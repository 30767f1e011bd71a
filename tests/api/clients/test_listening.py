"""`smartstore listen` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.servers


async def test_listening_until_interrupted(live: Any) -> None:
    live.feed("kandy", 0)
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "runtime.cli", "listen", "--json", "--type", "order"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "SMARTSTORE_URL": f"http://127.0.0.1:{live.port}",
            "SMARTSTORE_API_KEY": live.api.keys["kandy"],
        },
    )
    assert running.stdout is not None
    assert running.stderr is not None
    try:
        async with asyncio.timeout(30):
            assert await running.stderr.readline() == b"smartstore: listening\n"
            live.feed("kandy", 1)
            live.feed("kandy", 2, type="order")
            assert json.loads(await running.stdout.readline())["version"] == 2
            for watcher in live.api.services.feed.watchers("kandy"):
                watcher.end(1012, "restart")
            assert b"connection lost" in await running.stderr.readline()
            live.feed("kandy", 3, type="order")
            assert json.loads(await running.stdout.readline())["version"] == 3
            assert await running.stderr.readline() == b"smartstore: listening\n"
            running.send_signal(signal.SIGINT)
            assert (await running.communicate()) == (b"", b"")
            assert running.returncode == 130
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
