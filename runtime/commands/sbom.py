"""`smartstore sbom`: what SmartStore is made of, and what is known against it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runtime.bootstrap import SetupFailed, install
from runtime.errors import CannotServe, TestsFailed


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sbom)


def sbom(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Only ask for known weaknesses of the packages.")
    ] = False,
) -> None:
    """Write a CycloneDX 1.6 document of every package, jar and font, with versions and hashes."""
    try:
        install("requirements-dev.lock")
    except SetupFailed as error:
        raise CannotServe(str(error), fix="check the network and start again") from error
    if audit:
        _audit()
        return
    from api.routes.health import product_version
    from runtime.sbom import sbom as document

    text = document(product_version())
    if output is None:
        sys.stdout.write(text + "\n")
    else:
        output.write_text(text + "\n")


def _audit() -> None:
    from runtime.audit import audit as ask

    found = ask()
    sys.stdout.write("\n".join([found.sentence, *found.findings]) + "\n")
    if found.findings:
        raise typer.Exit(TestsFailed.exit_code)
