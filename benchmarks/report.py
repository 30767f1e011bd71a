"""What every benchmark prints: a table for people, or JSON."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass
class Report:
    """One measurement: rows of figures, and what must be known to read them."""

    name: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """The figures that documents quote, by their names in JSON."""

    def show(self, as_json: bool) -> None:
        """Print it."""
        if as_json:
            found = {"name": self.name, "rows": self.rows, "notes": self.notes, **self.figures}
            sys.stdout.write(json.dumps(found, indent=2) + "\n")
            return
        table = Table(title=self.name, box=None)
        for column in self.columns:
            table.add_column(column, justify="left" if column == self.columns[0] else "right")
        for row in self.rows:
            table.add_row(*(_text(row.get(column)) for column in self.columns))
        console = Console(highlight=False)
        console.print(table)
        for note in self.notes:
            console.print(note, markup=False)


def median(values: list[float]) -> float:
    """The middle one: these machines are noisy."""
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value if value is not None else "")
