"""Runs the fault matrix on systems of its own and prints a line for each row."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from stamina.instrumentation import set_on_retry_hooks

from runtime.chaos.disk import CannotMount, Disks
from runtime.chaos.evidence import keep
from runtime.chaos.journal import Journal
from runtime.chaos.matrix import Row
from runtime.chaos.run import Board, own_system
from runtime.chaos.seed import Result, run_seed
from runtime.chaos.sight import Eyes, open_eyes
from runtime.chaos.verdict import Finding, Verdict
from runtime.commands.up import Signals
from runtime.demo.run import unless_stopped
from runtime.demo.system import System
from runtime.lock import HomeLock

WRONG = ("diverged", "stock", "dead", "owed", "unsound")
COLUMNS = ("fault", "lost", "duplicated", "wrong", "recovery_s")
SMALL = {"SMARTSTORE_ARCHIVE_SPARE_MB": "0", "SMARTSTORE_ARCHIVE_SECONDS": "2"}
"""With small disks the archive writes to the last byte, where it would pause long before."""
_TOLD = 8
"""Findings of a row that are shown."""


@dataclass
class Line:
    """What one row came to."""

    row: Row
    result: Result
    evidence: Path | None = None

    def shown(self) -> dict[str, Any]:
        """`wrong`: platforms that differ, stock that is not what was sold, dead letters, what had
        not settled in time, processes that ended unasked, limits that did not hold."""
        found, times = self.result.verdict, [f.recovered_s for f in self.result.faults]
        known = [one for one in times if one is not None]
        wrong = sum(found.count(kind) for kind in WRONG) + bool(self.result.error)
        return {
            "fault": self.row.name,
            "lost": found.count("lost"),
            "duplicated": found.count("duplicate"),
            "wrong": wrong,
            "recovery_s": round(max(known), 1) if known else None,
        }


@dataclass
class Matrix:
    """A run: `home` holds the systems' folders and the evidence."""

    home: Path
    seed: int
    board: Board
    lines: list[Line] = field(default_factory=list)
    not_tried: dict[str, str] = field(default_factory=dict)
    """Row to the reason."""

    def play(self, chosen: tuple[Row, ...]) -> bool:
        """Every row, those with small disks on a system of their own; False: stopped by a
        signal."""
        plain = tuple(row for row in chosen if not row.small_disks)
        if plain and not self._on_one_system("system", plain, None):
            return False
        small = tuple(row for row in chosen if row.small_disks)
        if not small:
            return True
        HomeLock(self.home / "small" / "servers").refuse_if_held()
        try:
            with Disks(self.home / "small") as disks:
                return self._on_one_system("small", small, disks)
        except CannotMount as error:
            why = f"{error}; as root, or in a user namespace: unshare -rm ./smartstore faults"
            self.not_tried |= {row.name: why for row in small}
            return True

    def _on_one_system(self, name: str, rows: tuple[Row, ...], disks: Disks | None) -> bool:
        folder, reporter = self.home / name, self.board.reporter
        HomeLock(folder / "servers").refuse_if_held()
        if disks is None:
            shutil.rmtree(folder, ignore_errors=True)
        system = own_system(folder, reporter, SMALL if disks is not None else {})
        with Signals() as signals:
            with reporter.transfers():
                system.start()
            signals.collect()
            reporter.hush()
            try:
                work = self._rows(system, rows, disks)
                return asyncio.run(unless_stopped(work, signals, system)) is not None
            finally:
                self.board.say("Stopping")
                system.stop()

    async def _rows(self, system: System, rows: tuple[Row, ...], disks: Disks | None) -> bool:
        run = secrets.token_hex(2)
        async with open_eyes(system) as eyes:
            for place, row in enumerate(rows):
                self.board.say(f"{time.strftime('%H:%M:%S')} {row.name}")
                before = _restarts(system)
                with self.board.busy(row.name):
                    result = await self._row(system, eyes, row, f"f{run}-{place}", disks)
                ended = _ended(before, _restarts(system))
                if row.steady:
                    told = [Finding("unsound", f"{name} ended unasked") for name in ended]
                    result.verdict.findings += told
                elif ended:
                    result.figures["ended"] = " ".join(ended)
                line = Line(row, result)
                if not result.passed:
                    line.evidence = await keep(self.home, system, result)
                result.sight = None
                self.lines.append(line)
                self._tell(line)
        return True

    async def _row(
        self, system: System, eyes: Eyes, row: Row, name: str, disks: Disks | None
    ) -> Result:
        try:
            return await run_seed(system, eyes, row.plan(self.seed), name, disks)
        except Exception as error:  # a row that cannot be played is wrong; the others go on
            self.board.say("".join(traceback.format_exception(error)))
            told = f"could not be played to its end: {error!r}"
            return Result(self.seed, name, Journal(), [], Counter(), Verdict(), None, error=told)

    def _tell(self, line: Line) -> None:
        told, result = line.shown(), line.result
        mark = "✔" if result.passed else "✘"
        after = f"recovered in {told['recovery_s']} s, " if told["recovery_s"] is not None else ""
        self.board.say(f"         {mark} {after}{result.seconds:.0f} s in all")
        if result.figures:
            self.board.say(f"           {_figures(result.figures)}")
        if result.error:
            self.board.say(f"           {result.error}")
        for finding in result.verdict.findings[:_TOLD]:
            self.board.say(f"           {finding}")


def run_faults(
    home: Path, chosen: tuple[Row, ...], *, seed: int, as_json: bool, quiet: bool
) -> int:
    """The exit code: 0, or 1 when a row lost, doubled or left anything wrong, or the run was
    stopped. Rows that cannot be tried here are told, and fail nobody."""
    set_on_retry_hooks(())
    matrix = Matrix(home, seed, Board(quiet=quiet))
    whole = matrix.play(chosen)
    _show(matrix, as_json)
    tried = len(matrix.lines) + len(matrix.not_tried) == len(chosen)
    return 0 if whole and tried and all(line.result.passed for line in matrix.lines) else 1


def _restarts(system: System) -> dict[str, int]:
    return {status.name: status.restarts for status in system.statuses()}


def _ended(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Processes that had to be started again."""
    return [name for name, restarts in after.items() if restarts > before.get(name, 0)]


def _figures(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in figures.items())


def _show(matrix: Matrix, as_json: bool) -> None:
    lines = matrix.lines
    if as_json:
        found = {
            "rows": [line.shown() | {"figures": line.result.figures} for line in lines],
            "notTried": matrix.not_tried,
            "evidence": [str(line.evidence) for line in lines if line.evidence],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        sys.stdout.flush()
        return
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "fault" else "right")
    for line in lines:
        row = line.shown()
        table.add_row(*("-" if row[name] is None else str(row[name]) for name in COLUMNS))
    console.print(table)
    for line in lines:
        if line.result.figures:
            console.print(f"{line.row.name}: {_figures(line.result.figures)}", markup=False)
    for name, why in matrix.not_tried.items():
        console.print(f"not tried: {name} ({why})", markup=False)
    for line in lines:
        if line.evidence:
            console.print(f"{line.row.name}: what was seen is in {line.evidence}", markup=False)
