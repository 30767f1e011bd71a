"""`smartstore doctor`: what is wrong, how one can tell, and the command that fixes it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    from runtime.diagnosis import Finding

_MARKS = {"ok": "[green]✔[/green]", "warning": "[yellow]![/yellow]", "problem": "[red]✘[/red]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="As JSON.")) -> None:
    """Check this machine and what runs here. Exit code 1 when something is broken."""
    from runtime.diagnosis import diagnose  # late: other commands start faster

    findings = diagnose(RuntimeSettings.load())
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        _show(findings)
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        console.print(f"{_MARKS[finding.level]} {finding.name:<12} ", end="")
        console.print(finding.cause, markup=False)
        if finding.level != "ok":
            for label, text in (("evidence", finding.evidence), ("fix", finding.fix)):
                if text:
                    console.print(f"  {label}: {text}", markup=False)
