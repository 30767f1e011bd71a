"""`smartstore version`."""

from __future__ import annotations

import platform
import sys
import tomllib

import typer

from runtime.settings import ROOT


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


def version() -> None:
    """Print the version."""
    sys.stdout.write(f"smartstore-sync {project_version()} (Python {platform.python_version()})\n")


def project_version() -> str:
    """From the checkout, which is not installed, else from the installed package."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text())["project"]["version"])
    from importlib.metadata import version as installed

    return installed("smartstore-sync")
