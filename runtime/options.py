"""Options that mean the same on every command."""

from __future__ import annotations

from typing import Annotated

import typer

Organization = Annotated[
    str, typer.Option("--org", help="Which organisation; without it the one set up here.")
]
