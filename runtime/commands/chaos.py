"""`smartstore chaos`: kills parts of a running system while people work, and looks for damage."""

from __future__ import annotations

from typing import Annotated

import typer

from runtime.chaos.plan import MOST_CHANGES


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chaos)


def chaos(
    seeds: Annotated[int, typer.Option(min=1, help="How many different courses to run.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first one; give it to repeat it.")] = 1,
    changes: Annotated[
        int, typer.Option(min=30, max=MOST_CHANGES, help="Changes that people make in each.")
    ] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the result.")] = False,
) -> None:
    """Prove that nothing is lost or done twice when parts of it die. About 40 s a seed."""
    from runtime.chaos.run import chaos_home, run_chaos  # late: other commands start faster

    raise typer.Exit(
        run_chaos(
            chaos_home(), seeds=seeds, first=seed, changes=changes, as_json=as_json, quiet=quiet
        )
    )
