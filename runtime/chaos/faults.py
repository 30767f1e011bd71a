"""Runs the fault matrix on a system of its own and prints a line for each row."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from stamina.instrumentation import set_on_retry_hooks

from runtime.chaos.evidence import keep
from runtime.chaos.matrix import NOT_TRIED, Row
from runtime.chaos.run import Board, own_system
from runtime.chaos.seed import Result, run_seed
from runtime.chaos.sight import open_eyes
from runtime.commands.up import Signals
from runtime.demo.run import unless_stopped
from runtime.demo.system import System
from runtime.lock import HomeLock

WRONG = ("diverged", "stock", "dead", "owed")
COLUMNS = ("fault", "lost", "duplicated", "wrong", "recovery_s")


@dataclass
class Line:
    """What one row came to."""

    row: Row
    result: Result
    evidence: Path | None = None

    def shown(self) -> dict[str, Any]:
        """`wrong`: platforms that differ, stock that is not what was sold, dead letters, and what
        had not settled in time."""
        found, times = self.result.verdict, [f.recovered_s for f in self.result.faults]
        known = [time for time in times if time is not None]
        wrong = sum(found.count(kind) for kind in WRONG) + bool(self.result.error)
        return {
            "fault": self.row.name,
            "lost": found.count("lost"),
            "duplicated": found.count("duplicate"),
            "wrong": wrong,
            "recovery_s": round(max(known), 1) if known else None,
        }


def run_faults(
    home: Path, chosen: tuple[Row, ...], *, seed: int, as_json: bool, quiet: bool
) -> int:
    """The exit code: 0, or 1 when a row lost, doubled or left anything wrong."""
    HomeLock(home / "system" / "servers").refuse_if_held()
    shutil.rmtree(home / "system", ignore_errors=True)
    board = Board(quiet=quiet)
    system = own_system(home / "system", board.reporter)
    set_on_retry_hooks(())
    lines: list[Line] = []
    with Signals() as signals:
        with board.reporter.transfers():
            system.start()
        signals.collect()
        board.reporter.hush()
        try:
            work = _rows(system, home, chosen, seed, lines, board)
            stopped = asyncio.run(unless_stopped(work, signals, system)) is None
        finally:
            board.say("Stopping")
            system.stop()
    _show(lines, as_json)
    whole = len(lines) == len(chosen) and not stopped
    return 0 if whole and all(line.result.passed for line in lines) else 1


async def _rows(
    system: System, home: Path, chosen: tuple[Row, ...], seed: int, lines: list[Line], board: Board
) -> bool:
    run = secrets.token_hex(2)
    async with open_eyes(system) as eyes:
        for place, row in enumerate(chosen):
            with board.busy(row.name):
                result = await run_seed(system, eyes, row.plan(seed), f"f{run}-{place}")
            line = Line(row, result)
            if not result.passed:
                line.evidence = await keep(home, system, result)
            result.sight = None
            lines.append(line)
            told = line.shown()
            mark = "✔" if result.passed else "✘"
            after = f", recovered in {told['recovery_s']} s" if told["recovery_s"] else ""
            board.say(f"{mark} {row.name}{after}")
            for finding in result.verdict.findings[:5]:
                board.say(f"    {finding}")
    return True


def _show(lines: list[Line], as_json: bool) -> None:
    told = [line.shown() for line in lines]
    if as_json:
        found = {
            "rows": told,
            "notTried": list(NOT_TRIED),
            "evidence": [str(line.evidence) for line in lines if line.evidence],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        sys.stdout.flush()
        return
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "fault" else "right")
    for row in told:
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in COLUMNS))
    console.print(table)
    console.print(f"Not tried: {'; '.join(NOT_TRIED)}.", markup=False)
    for line in lines:
        if line.evidence:
            console.print(f"{line.row.name}: what was seen is in {line.evidence}", markup=False)
