"""`smartstore export openapi | asyncapi`: the descriptions of our interfaces as files."""

from __future__ import annotations

import contextlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class What(StrEnum):
    """What can be exported."""

    OPENAPI = "openapi"
    ASYNCAPI = "asyncapi"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    what: Annotated[What, typer.Argument(help="HTTP, or topics and the WebSocket.")],
    out: Annotated[Path | None, typer.Option(help="Write it here.")] = None,
) -> None:
    """Print a description for generators and other tools; nothing needs to run."""
    text = json.dumps(_document(what), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    sys.stderr.write(f"smartstore: wrote {out}\n")


def _document(what: What) -> dict[str, Any]:
    if what is What.ASYNCAPI:
        from api.docs.asyncapi import asyncapi  # late: other commands start faster
        from api.routes.health import product_version

        return asyncapi(product_version())
    from api.main import create_api

    return create_api(_nothing).openapi()


@contextlib.asynccontextmanager
async def _nothing() -> Any:
    raise RuntimeError("this application is only described, not served")
    yield
