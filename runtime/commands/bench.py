"""`smartstore bench NAME`: measurements that anyone can repeat."""

from __future__ import annotations

import importlib
from enum import StrEnum
from typing import Annotated

import typer


class Name(StrEnum):
    """What can be measured."""

    CODEC = "codec"
    DECIDE = "decide"
    RECONCILE = "reconcile"
    INGEST = "ingest"
    CDC = "cdc"
    LATENCY = "latency"
    SUGGEST = "suggest"
    IMPORT = "import"
    DRIFT = "drift"
    COURIERS = "couriers"
    LABELS = "labels"
    WHATSAPP = "whatsapp"
    CATALOGUE = "catalogue"
    ARCHIVE = "archive"
    PAGE = "page"
    SCALE = "scale"


MODULES = {Name.IMPORT: "importing"}
"""Where a name is no module's."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    name: Annotated[Name, typer.Argument(help="What to measure.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    runs: Annotated[int, typer.Option(help="Runs; medians are shown.", min=1)] = 3,
    seconds: Annotated[int, typer.Option(help="page: how long.", min=10)] = 600,
    quick: Annotated[bool, typer.Option("--quick", help="scale, whatsapp: shorter, once.")] = False,
) -> None:
    """Measure on this machine, beside peers in the same run. Takes some minutes."""
    module = importlib.import_module(f"benchmarks.{MODULES.get(name, name.value)}")
    if name is Name.PAGE:
        report = module.run(seconds=seconds)
    elif name in (Name.SCALE, Name.WHATSAPP):
        report = module.run(runs=1 if quick else runs, quick=quick)
    else:
        report = module.run(runs=runs)
    report.show(as_json)
