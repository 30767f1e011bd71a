"""What the user sees: marks and colours on a terminal, plain lines elsewhere, nothing in tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_PLAIN_EVERY_S = 3.0


class Transfer(Protocol):
    """Told how many bytes of one download arrived."""

    def advance(self, count: int) -> None: ...


class Reporter(Protocol):
    """Where the runtime says what it does."""

    def say(self, text: str) -> None: ...
    def done(self, name: str, detail: str, seconds: float) -> None: ...
    def warn(self, text: str) -> None: ...
    def transfer(self, title: str, total: int) -> Transfer: ...


class _Nothing:
    def advance(self, count: int) -> None:
        """Nobody looks."""


class Silent:
    """For tests and benchmarks."""

    def say(self, text: str) -> None:
        """Nobody listens."""

    def done(self, name: str, detail: str, seconds: float) -> None:
        """Nobody listens."""

    def warn(self, text: str) -> None:
        """Nobody listens."""

    def transfer(self, title: str, total: int) -> Transfer:
        return _Nothing()


class Terminal:
    """On standard error: standard output belongs to results and --json."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def done(self, name: str, detail: str, seconds: float) -> None:
        self.console.print(f"[green]✔[/green] {name:<10} {detail:<16} {seconds:5.1f} s")

    def warn(self, text: str) -> None:
        self.console.print(f"[yellow]![/yellow] {text}")

    def transfer(self, title: str, total: int) -> Transfer:
        if self._progress is not None:
            return _Bar(self._progress, title, total)
        return _PlainTransfer(self, title, total)

    @contextmanager
    def transfers(self) -> Iterator[None]:
        """Draw bars meanwhile, on a terminal."""
        if not self.console.is_terminal:
            yield
            return
        columns = (
            TextColumn("  {task.description:<28}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            self._progress = progress
            try:
                yield
            finally:
                self._progress = None


class _Bar:
    def __init__(self, progress: Progress, title: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total or None)

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)


class _PlainTransfer:
    """One line at the start, one every few seconds, one at the end."""

    def __init__(self, terminal: Terminal, title: str, total: int) -> None:
        self._terminal, self._title, self._total = terminal, title, total
        self._sum, self._said_s, self._lock = 0, time.monotonic(), threading.Lock()
        terminal.say(f"  fetching {title} ({_megabytes(total)})")

    def advance(self, count: int) -> None:
        with self._lock:
            self._sum += count
            now_s = time.monotonic()
            if self._sum >= self._total or now_s - self._said_s >= _PLAIN_EVERY_S:
                self._said_s = now_s
                have, total = _megabytes(self._sum), _megabytes(self._total)
                self._terminal.say(f"  {self._title}: {have} of {total}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
