"""`smartstore notebook`: ready examples for analysts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from runtime.errors import SmartStoreError
from runtime.settings import ROOT

FOLDER = Path("notebooks")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(notebook)


def notebook(
    name: Annotated[str, typer.Argument(help="latency, conflicts, stock, couriers, orders.")] = "",
    show: Annotated[bool, typer.Option("--print", help="Here, without a browser.")] = False,
    into: Annotated[Path, typer.Option(help="Where the notebooks are put.")] = FOLDER,
) -> None:
    """Open the examples in Jupyter where that is installed; else show them here. Your own changes
    in the folder stay."""
    from streams.analysts.examples import names, title

    if name and name not in names():
        raise SmartStoreError(f"there is no example {name}", fix=f"one of: {', '.join(names())}")
    wanted = [name] if name else names()
    jupyter = None if show else shutil.which("jupyter")
    if show or jupyter is None:
        for one in wanted:
            _print(one)
        if not show:
            sys.stderr.write("Jupyter is not installed, so they were shown here.\n")
        return
    paths = write(wanted, into)
    for one in wanted:
        sys.stdout.write(f"{one:<12} {title(one)}\n")
    target = paths[0] if name else into
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([jupyter, "lab", str(target)], check=False, env=environment)  # noqa: S603


def write(wanted: list[str], into: Path) -> list[Path]:
    """The examples as .ipynb files; one that is there stays as it is. Raises SmartStoreError."""
    from streams.analysts.examples import notebook as made

    paths = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            path = into / f"{name}.ipynb"
            if not path.exists():
                path.write_text(json.dumps(made(name), indent=1), encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise SmartStoreError(f"{into} cannot be written: {error.strerror}") from error
    return paths


def _print(name: str) -> None:
    from runtime import history
    from streams.analysts.examples import cells

    console = Console(highlight=False)
    for cell in cells(name):
        if cell.markdown:
            console.print(Markdown(cell.text))
        elif cell.query:
            history.show(cell.query)
    console.print()
