"""Shows each change arriving: a live table on a terminal, one plain line a change elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from runtime.demo.watch import Change

PLACES = {"mongodb": "MongoDB", "woocommerce": "WooCommerce", "whatsapp": "WhatsApp"}
_ROWS = 14


class Board:
    """On standard error: standard output is for the summary."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._changes: deque[Change] = deque(maxlen=_ROWS)
        self._late: set[int] = set()
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[Board]:
        """Draw meanwhile, on a terminal."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, refresh_per_second=12, get_renderable=self._table) as live:
            self._live = live
            try:
                yield self
            finally:
                self._live = None

    def begin(self, change: Change) -> None:
        """A change is being made."""
        self._changes.append(change)

    def end(self, change: Change, *, complete: bool) -> None:
        """Everything of it arrived, or it was waited for long enough."""
        if not complete:
            self._late.add(id(change))
        if self._live is None:
            mark = "✔" if complete else "✘"
            told = ", ".join(_cell(change, place, name) for place, name in PLACES.items()
                             if _of(change, place))  # fmt: skip
            source = PLACES.get(change.source, change.source)
            self._console.print(f"{mark} {change.title}  [{source}]  {told}", markup=False)

    def say(self, text: str) -> None:
        """A line between the changes."""
        self._console.print(text, markup=False)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, expand=False)
        table.add_column("change", overflow="ellipsis", no_wrap=True, max_width=58)
        table.add_column("made in")
        for name in PLACES.values():
            table.add_column(name, justify="right", min_width=8)
        for change in self._changes:
            source = PLACES.get(change.source, change.source)
            cells = [self._cell(change, place) for place in PLACES]
            table.add_row(change.title, source, *cells)
        return table

    def _cell(self, change: Change, place: str) -> str:
        if change.source == place:
            return "[dim]made[/dim]"
        if not _of(change, place):
            return "[dim]·[/dim]"
        latency_ms = _slowest(change, place)
        if latency_ms is not None:
            return f"[green]{latency_ms:.0f} ms[/green]"
        return "[red]missing[/red]" if id(change) in self._late else "[yellow]…[/yellow]"


def _of(change: Change, place: str) -> bool:
    return any(one.place == place for one in change.expected)


def _slowest(change: Change, place: str) -> float | None:
    """Of everything expected there; None while something is missing."""
    found = [change.latency_ms(one) for one in change.expected if one.place == place]
    known = [latency_ms for latency_ms in found if latency_ms is not None]
    return max(known) if found and len(known) == len(found) else None


def _cell(change: Change, place: str, name: str) -> str:
    latency_ms = _slowest(change, place)
    if latency_ms is not None:
        return f"{name} {latency_ms:.0f} ms"
    missing = [one.what for one in change.expected if one.place == place and one.landed_ms is None]
    return f"{name} MISSING {' and '.join(missing)}"
