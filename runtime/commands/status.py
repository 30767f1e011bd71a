"""`smartstore status`: what runs, where."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from runtime import state
from runtime.lock import HomeLock
from runtime.settings import ENDPOINTS, RuntimeSettings

NOT_RUNNING = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(as_json: bool = typer.Option(False, "--json", help="As JSON.")) -> None:
    """Show servers and processes. Exit code 3 when nothing runs."""
    home = RuntimeSettings.load().home
    report = _report(home_state := state.read(home), str(home))
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        _show(report)
        if home_state is not None and sys.stdout.isatty():
            from runtime.welcome import welcome_lines  # late: it loads the database's client

            sys.stdout.write("\n".join(welcome_lines(home_state)) + "\n")
    if home_state is None:
        if HomeLock(home).holder() is not None and not as_json:
            sys.stdout.write("It is starting.\n")
        raise typer.Exit(NOT_RUNNING)


def _report(running: state.RunState | None, home: str) -> dict[str, Any]:
    if running is None:
        return {"running": False, "home": home, "processes": []}
    return {
        "running": True,
        "home": home,
        "pid": running.pid,
        "url": running.url,
        "websocketUrl": running.websocket_url,
        "endpoints": {k: state.redacted(running.environment[k]) for k in ENDPOINTS},
        "processes": [_process(process) for process in running.processes],
    }


def _process(process: state.ProcessState) -> dict[str, Any]:
    row = process.model_dump(mode="json", by_alias=True)
    row["uptimeS"], row["memoryMb"] = None, None
    if process.pid is not None:
        try:
            seen = psutil.Process(process.pid)
            row["uptimeS"] = round(time.time() - seen.create_time(), 1)
            row["memoryMb"] = round(seen.memory_info().rss / 1e6)
        except psutil.Error:
            row["state"] = "gone"
    return row


def _show(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not report["running"]:
        console.print(f"Not running in {report['home']}", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", "up", "memory", "restarts"):
        table.add_column(heading, justify="left" if heading in ("process", "state") else "right")
    for row in report["processes"]:
        up = f"{row['uptimeS']:.0f} s" if row["uptimeS"] is not None else ""
        memory = f"{row['memoryMb']} MB" if row["memoryMb"] is not None else ""
        pid, restarts = str(row["pid"] or ""), str(row["restarts"])
        table.add_row(row["name"], row["state"], pid, up, memory, restarts)
    console.print(table)
    console.print(f"\npage {report['url']}/sync   live {report['websocketUrl']}", markup=False)
    for name, url in report["endpoints"].items():
        console.print(f"{name}={url}", markup=False)
