"""`smartstore demo`: a small shop on stand-ins of the platforms, changing before your eyes."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Run it through, print a summary and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: the summary as JSON.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Wipe the demo's folder first (not the downloads).")
    ] = False,
) -> None:
    """Show a change made anywhere arrive everywhere. Ctrl-C ends everything it started."""
    from runtime.demo.handle import demo_home  # late: other commands start faster
    from runtime.demo.run import run_demo

    raise typer.Exit(run_demo(demo_home(), once=once, as_json=as_json, fresh=fresh))
