"""Starts the demo, runs it once or until Ctrl-C, and ends everything it started."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from api.login import issue_login_link
from runtime.commands.up import Signals
from runtime.console import Terminal
from runtime.convergence import Judgement
from runtime.demo import story
from runtime.demo.board import Board
from runtime.demo.handle import Handle, clear_handle
from runtime.demo.merchant import Platforms, open_merchant
from runtime.demo.system import System
from runtime.demo.watch import watching
from runtime.errors import StartFailed
from runtime.lock import HomeLock
from sandbox.data import ORGANIZATION
from schemas.policy import Rule
from streams.database import open_database
from streams.ending import ended
from streams.kafka.access import client_settings

_PREFIX = "demo"
_LINK_S = 86_400
_DIFFERENCES_SHOWN = 20
T = TypeVar("T")

RULES = (Rule(type="product", field="price", policy="manual"),)
"""Two prices at once are a person's to decide: something to see on the page."""


def run_demo(home: Path, *, once: bool, as_json: bool, fresh: bool) -> int:
    """The exit code: 0, or 1 when not everything arrived and converged."""
    terminal = Terminal()
    if fresh:
        HomeLock(home).refuse_if_held()
        shutil.rmtree(home, ignore_errors=True)
    number = _next_run(home)
    system = System(
        home, prefix=f"{_PREFIX}-{number}.", database=f"{_PREFIX}_{number}", reporter=terminal
    )
    began_s = time.monotonic()
    with Signals() as signals:
        with terminal.transfers():
            system.start(_forget_earlier_runs)
        signals.collect()
        try:
            work = _once(system, began_s, as_json=as_json) if once else _live(system, began_s)
            code = asyncio.run(unless_stopped(work, signals, system))
            return 0 if code is None else code
        finally:
            terminal.say("Stopping")
            clear_handle(home)
            system.stop()


def _next_run(home: Path) -> int:
    """The sandbox's shops live in its memory and begin anew at every start; so do we, in topics
    and a database of this run's own."""
    path = home / "runs"
    try:
        number = int(path.read_text()) + 1
    except (OSError, ValueError):
        number = 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(number))
    return number


async def unless_stopped(
    work: Coroutine[Any, Any, T], signals: Signals, system: System
) -> T | None:
    """The result; None when a signal came first. Raises StartFailed when a part is gone."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            if signals.wait(0):
                return None
            if not system.stack.is_running():
                raise StartFailed("a supervisor gave up", fix=f"see {system.home / 'logs'}")
            await asyncio.wait({task}, timeout=0.2)
        return task.result()
    finally:
        await ended(task)


async def _once(system: System, began_s: float, *, as_json: bool) -> int:
    board = Board()
    async with open_merchant(system, ORGANIZATION, Platforms(rules=RULES)) as merchant:
        Handle.of(merchant, system.url).write(system.home)
        loaded = await story.wait_until_loaded(merchant)
        _tell_loaded(board, loaded, began_s)
        async with watching(merchant) as watcher:
            with board.shown():
                summary, judgement = await story.play_all(merchant, watcher, board)
    if as_json:
        sys.stdout.write(json.dumps(summary.as_json()) + "\n")
        _tell_differences(board, judgement)
    else:
        _show(summary, judgement)
    sys.stdout.flush()
    return 0 if summary.converged and not summary.lost else 1


async def _live(system: System, began_s: float) -> int:
    board = Board()
    async with open_merchant(system, ORGANIZATION, Platforms(rules=RULES)) as merchant:
        Handle.of(merchant, system.url).write(system.home)
        _tell_loaded(board, await story.wait_until_loaded(merchant), began_s)
        sys.stdout.write(f"Open {await _login_link(system)} (works once)\n")
        sys.stdout.flush()
        board.say("Another terminal: ./smartstore trigger woo.order.created   Ctrl-C ends it")
        async with watching(merchant) as watcher:
            with board.shown():
                await story.keep_shop(merchant, watcher, board)
    return 0


async def _login_link(system: System) -> str:
    database = open_database(system.endpoints())
    try:
        return await issue_login_link(database, system.url, ORGANIZATION, _LINK_S)
    finally:
        await database.client.close()


def _tell_loaded(board: Board, judgement: Judgement, began_s: float) -> None:
    took_s = time.monotonic() - began_s
    if judgement.converged:
        told = f"{judgement.compared} fields are the same everywhere"
        board.say(f"✔ shop loaded and in sync {took_s:.1f} s after the start: {told}")
        return
    board.say("✘ the shop as loaded is not the same everywhere yet:")
    _tell_differences(board, judgement)


def _tell_differences(board: Board, judgement: Judgement) -> None:
    for difference in judgement.differences[:_DIFFERENCES_SHOWN]:
        board.say(f"  {difference}")
    more = len(judgement.differences) - _DIFFERENCES_SHOWN
    if more > 0:
        board.say(f"  and {more} more")


def _show(summary: story.Summary, judgement: Judgement) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in summary.as_json().items():
        table.add_row(name.replace("_ms", " (ms)"), "-" if value is None else str(value).lower())
    table.add_row("fields compared", str(judgement.compared))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "Latency: from the platform's acknowledgement of a change to the moment another platform "
        "applied it, by that platform's own clock.",
        style="dim",
    )
    for difference in judgement.differences[:_DIFFERENCES_SHOWN]:
        console.print(f"differs: {difference}", style="red", markup=False)


def _forget_earlier_runs(system: System) -> None:
    """Drop topics and databases of runs before this one; they are of no use without their shop."""
    asyncio.run(_forget(system))


async def _forget(system: System) -> None:
    admin = AIOKafkaAdminClient(**client_settings(system.endpoints()))
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(system.servers()["DATABASE_URL"])
    ours = client.get_default_database().name
    try:
        for name in await client.list_database_names():
            if name.startswith(f"{_PREFIX}_") and name != ours:
                await client.drop_database(name)
        await admin.start()
        topics = [
            topic
            for topic in await admin.list_topics()
            if topic.startswith(f"{_PREFIX}-") and not topic.startswith(system.prefix)
        ]
        if topics:
            await admin.delete_topics(topics)
    except (KafkaError, PyMongoError) as error:
        Terminal().warn(f"earlier runs could not be forgotten: {error!r}")
    finally:
        await admin.close()
        await client.close()
