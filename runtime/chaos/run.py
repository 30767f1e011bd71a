"""Starts a system of its own, plays seed after seed on it, and tells what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table
from stamina.instrumentation import set_on_retry_hooks

from runtime.chaos.evidence import keep
from runtime.chaos.plan import plan_of
from runtime.chaos.seed import Result, run_seed
from runtime.chaos.sight import open_eyes
from runtime.commands.up import Signals
from runtime.console import Reporter, Silent, Terminal, Transfer
from runtime.demo.run import unless_stopped
from runtime.demo.system import System
from runtime.lock import HomeLock
from runtime.servers.ports import free_port
from runtime.settings import ENDPOINTS, default_home, load_environment

_PORTS = ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT")
_NOT_OURS = (*ENDPOINTS, "KAFKA_TOPIC_PREFIX", "TOPIC_PREFIX", "SMARTSTORE_HOME")
KINDS = ("lost", "duplicate", "diverged", "stock", "dead", "owed")
_SHOWN = 12


def chaos_home() -> Path:
    """`.smartstore/chaos`, beside the product's own data and never in it."""
    return default_home().parent / "chaos"


def own_system(
    home: Path, reporter: Reporter, settings: Mapping[str, str] = MappingProxyType({})
) -> System:
    """Local servers in a folder of their own on free ports, whatever the environment names: parts
    of it are going to be killed."""
    base = {name: value for name, value in load_environment().items() if name not in _NOT_OURS}
    base |= settings
    taken: set[int] = set()
    for name in _PORTS:
        taken.add(port := free_port(taken))
        base[name] = str(port)
    return System(home, base=base, reporter=reporter)


def run_chaos(
    home: Path, *, seeds: int, first: int, changes: int, as_json: bool, quiet: bool
) -> int:
    """The exit code: 0, or 1 when anything was lost, done twice, left different or not settled."""
    HomeLock(home / "system" / "servers").refuse_if_held()
    shutil.rmtree(home / "system", ignore_errors=True)  # seeds begin with an empty broker
    board = Board(quiet=quiet)
    system = own_system(home / "system", board.reporter)
    set_on_retry_hooks(())  # nobody needs to read of every attempt
    tally = Tally(first)
    with Signals() as signals:
        with board.reporter.transfers():
            system.start()
        signals.collect()
        board.reporter.hush()  # parts that die and come back are what this is about
        try:
            work = _seeds(system, home, range(first, first + seeds), changes, tally, board)
            stopped = asyncio.run(unless_stopped(work, signals, system)) is None
        finally:
            board.say("Stopping")
            system.stop()
    if as_json:
        sys.stdout.write(json.dumps(tally.as_json()) + "\n")
    else:
        board.show(tally)
    sys.stdout.flush()
    return 0 if tally.passed and not stopped else 1


async def _seeds(
    system: System, home: Path, seeds: range, changes: int, tally: Tally, board: Board
) -> bool:
    run = secrets.token_hex(2)
    async with open_eyes(system) as eyes:
        for seed in seeds:
            with board.busy(f"seed {seed}"):
                result = await run_seed(system, eyes, plan_of(seed, changes), f"c{run}-{seed}")
            if not result.passed:
                tally.evidence.append(await keep(home, system, result))
            tally.add(result)
            board.tell(result)
    return True


@dataclass
class Tally:
    """Figures of all seeds so far."""

    first: int
    results: list[Result] = field(default_factory=list)
    evidence: list[Path] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        """What was seen is for its evidence alone; a run of many seeds must not keep it."""
        result.sight = None
        self.results.append(result)

    @property
    def passed(self) -> bool:
        """Every seed."""
        return all(result.passed for result in self.results)

    def faults(self) -> Counter[str]:
        """Name to number: blows, and what the platforms did wrong in so many rounds."""
        found = Counter(fault.name for result in self.results for fault in result.faults)
        for result in self.results:
            found.update(result.weather)
        return found

    def recoveries(self) -> list[float]:
        """Seconds, of every blow that was recovered from."""
        faults = (fault for result in self.results for fault in result.faults)
        return sorted(fault.recovered_s for fault in faults if fault.recovered_s is not None)

    def as_json(self) -> dict[str, Any]:
        """Plain values; `seeds_failed` are the seeds to repeat."""
        wrong = {kind: sum(r.verdict.count(kind) for r in self.results) for kind in KINDS}
        fates: Counter[str] = sum((r.verdict.fates for r in self.results), Counter())
        times = self.recoveries()
        return {
            "seeds": len(self.results),
            "first_seed": self.first,
            "changes": sum(len(r.journal.entries) for r in self.results),
            "blows": sum(len(r.faults) for r in self.results),
            "faults": dict(sorted(self.faults().items())),
            "lost": wrong["lost"],
            "duplicate_effects": wrong["duplicate"],
            "diverged": wrong["diverged"],
            "stock_wrong": wrong["stock"],
            "dead_letters": wrong["dead"],
            "not_settled": sum(1 for r in self.results if r.verdict.count("owed") or r.error),
            "unsettled_messages": sum(r.verdict.unsettled for r in self.results),
            "updates": {name: fates[name] for name in sorted(fates)},
            "recovery_p50_s": round(statistics.median(times), 1) if times else None,
            "recovery_max_s": round(times[-1], 1) if times else None,
            "recovery_s": self.by_fault(),
            "seconds": round(time.monotonic() - self.began_s, 1),
            "passed": self.passed,
            "seeds_failed": [r.seed for r in self.results if not r.passed],
            "evidence": [str(path) for path in self.evidence],
        }

    def by_fault(self) -> dict[str, dict[str, float]]:
        """Fault to how often, and seconds to recover from it."""
        found: dict[str, list[float]] = {}
        for result in self.results:
            for fault in result.faults:
                if fault.recovered_s is not None:
                    found.setdefault(fault.name, []).append(fault.recovered_s)
        return {
            name: {
                "times": len(times),
                "p50": round(statistics.median(times), 1),
                "max": round(max(times), 1),
            }
            for name, times in sorted(found.items())
        }


class Start:
    """The terminal while the system starts; silent once hushed."""

    def __init__(self, terminal: Terminal | None) -> None:
        self._to: Reporter = terminal or Silent()
        self._terminal = terminal

    @contextlib.contextmanager
    def transfers(self) -> Iterator[None]:
        """Draw downloads meanwhile."""
        with self._terminal.transfers() if self._terminal else contextlib.nullcontext():
            yield

    def hush(self) -> None:
        """From now on nothing is said."""
        self._to = Silent()

    def say(self, text: str) -> None:
        self._to.say(text)

    def done(self, name: str, detail: str, seconds: float) -> None:
        self._to.done(name, detail, seconds)

    def warn(self, text: str) -> None:
        self._to.warn(text)

    def transfer(self, title: str, total: int) -> Transfer:
        return self._to.transfer(title, total)


class Board:
    """Progress on standard error; standard output is for the result."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
        self.reporter = Start(None if quiet else Terminal(self._console))

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """A spinner on a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(what):
            yield

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, markup=False)

    def tell(self, result: Result) -> None:
        """What became of a seed."""
        times = [fault.recovered_s for fault in result.faults if fault.recovered_s is not None]
        blows = ", ".join(fault.name for fault in result.faults)
        slowest = f", recovered in at most {max(times):.1f} s" if times else ""
        mark = "✔" if result.passed else "✘"
        self.say(
            f"{mark} seed {result.seed}: {len(result.journal.entries)} changes, {blows}{slowest}; "
            f"{result.seconds:.0f} s"
        )
        if result.error:
            self.say(f"    {result.error}")
        for finding in result.verdict.findings[:_SHOWN]:
            self.say(f"    {finding}")
        if len(result.verdict.findings) > _SHOWN:
            self.say(f"    and {len(result.verdict.findings) - _SHOWN} more")

    def show(self, tally: Tally) -> None:
        """The result for people."""
        console = Console(highlight=False)
        recoveries = Table(box=None, pad_edge=False)
        recoveries.add_column("what happened")
        for name in ("times", "recovered, p50 s", "max s"):
            recoveries.add_column(name, justify="right")
        told = tally.as_json()
        by_fault = tally.by_fault()
        for name, times in tally.faults().most_common():
            row = by_fault.get(name, {})
            shown = (str(row[key]) if key in row else "" for key in ("p50", "max"))
            recoveries.add_row(name, str(times), *shown)
        console.print(recoveries)
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        apart = ("faults", "recovery_s", "updates", "evidence", "seeds_failed", "first_seed")
        for name, value in told.items():
            if name not in apart:
                table.add_row(name.replace("_", " "), "-" if value is None else str(value).lower())
        console.print(table)
        for seed, path in zip(told["seeds_failed"], told["evidence"], strict=True):
            console.print(f"seed {seed} failed; what was seen is in {path}", style="red")
            console.print(f"  again: ./smartstore chaos --seeds 1 --seed {seed}", markup=False)
