"""The ready examples of `docs/notebooks`: plain Python with `# %%` cells, as editors and Jupyter
read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
_CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)
_QUERY = re.compile(r'history\.show\("""(.*?)"""\)', re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A text, or code."""

    markdown: bool
    text: str

    @property
    def query(self) -> str:
        """The SQL that it shows; empty where it shows none."""
        found = None if self.markdown else _QUERY.search(self.text)
        return found[1].strip() if found else ""


def names() -> list[str]:
    """What there is."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def cells(name: str) -> list[Cell]:
    """One example. Raises OSError."""
    parts = _CELL.split((FOLDER / f"{name}.py").read_text(encoding="utf-8"))[1:]
    found = []
    for marked, text in zip(parts[::2], parts[1::2], strict=True):
        plain = re.sub(r"^# ?", "", text, flags=re.MULTILINE) if marked else text
        found.append(Cell(bool(marked), plain.strip()))
    return found


def title(name: str) -> str:
    """Its heading."""
    return cells(name)[0].text.splitlines()[0].removeprefix("# ")


def notebook(name: str) -> dict[str, Any]:
    """As Jupyter keeps it (nbformat 4)."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [_as_jupyter(number, cell) for number, cell in enumerate(cells(name))],
    }


def _as_jupyter(number: int, cell: Cell) -> dict[str, Any]:
    common = {"id": f"cell-{number}", "metadata": {}, "source": cell.text}
    if cell.markdown:
        return {"cell_type": "markdown", **common}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **common}
