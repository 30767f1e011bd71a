"""`smartstore faults`: breaks one thing at a time while people work, and tells what it cost."""

from __future__ import annotations

from typing import Annotated

import typer

from runtime.errors import CannotServe


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(faults)


def faults(
    quick: Annotated[
        bool, typer.Option("--quick", help="Those that tell most: 8 minutes.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Rows with this in their name; several times.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same changes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the result.")] = False,
) -> None:
    """Prove that no single fault loses, doubles or spoils anything. Each row breaks one thing on
    real servers while people work, and tells what it cost: half a minute a row, 25 minutes
    in all."""
    from runtime.chaos.faults import run_faults  # late: other commands start faster
    from runtime.chaos.matrix import ROWS, rows
    from runtime.chaos.run import chaos_home

    chosen = rows(quick=quick, only=only or ())
    if not chosen:
        names = ", ".join(row.name for row in ROWS)
        raise CannotServe(
            f"no fault has {' or '.join(only or ())} in its name", fix=f"one of: {names}"
        )
    home = chaos_home().with_name("faults")
    raise typer.Exit(run_faults(home, chosen, seed=seed, as_json=as_json, quiet=quiet))
