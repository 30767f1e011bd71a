"""`smartstore screenshots`: a picture of every page, on a desk, on a phone, dark, in Sinhala."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from runtime.demo.pictures import Taken


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(screenshots)


def screenshots(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("screenshots"),
    only: Annotated[str, typer.Option(help="Only pages whose name has this, as sync.")] = "",
) -> None:
    """Start a demo, look at every page in every way, end it. Exit status 1 where a page is wider
    than its screen or complains."""
    from runtime.demo.pictures import take_pictures  # late: other commands start faster

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="smartstore-pictures-") as home:
        taken = asyncio.run(take_pictures(folder, Path(home), only, _tell))
    sys.stdout.write(f"{len(taken)} pictures in {folder}\n")
    raise typer.Exit(1 if any(one.wider_by or one.complaints for one in taken) else 0)


def _tell(one: Taken) -> None:
    told = [f"{one.wider_by} px too wide"] if one.wider_by else []
    sys.stdout.write(f"{one.path.name}  {'; '.join([*told, *one.complaints]) or 'fine'}\n")
    sys.stdout.flush()
