"""The `smartstore` command."""

from __future__ import annotations

import logging
import os
import sys

import typer
from rich.console import Console

from runtime.commands import (
    archive,
    backup,
    bench,
    certificate,
    chaos,
    conflicts,
    couriers,
    demo,
    dlq,
    doctor,
    down,
    erase,
    events,
    export,
    faults,
    history,
    keys,
    link,
    listen,
    notebook,
    replay,
    sbom,
    screenshots,
    status,
    test,
    trigger,
    up,
    version,
    whatif,
    whatsapp,
    why,
)
from runtime.errors import SmartStoreError
from runtime.sections import Sections

COMMANDS = (
    demo,
    trigger,
    up,
    down,
    status,
    why,
    certificate,
    conflicts,
    whatsapp,
    couriers,
    history,
    whatif,
    notebook,
    link,
    listen,
    events,
    dlq,
    doctor,
    export,
    replay,
    archive,
    erase,
    backup,
    keys,
    bench,
    chaos,
    faults,
    screenshots,
    sbom,
    test,
    version,
)
_INTERRUPTED = 130

app = typer.Typer(
    name="smartstore",
    cls=Sections,
    help="Keeps products, orders, customers, stock and messages the same on all your platforms.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    command.register(app)


def main() -> None:
    """Errors of ours are one line with the way out, and a stable exit code."""
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # it says a thing for ever
    try:
        app(prog_name="smartstore")
    except SmartStoreError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"smartstore: {error.message}", style="red", markup=False)
        if error.fix:
            console.print(f"  fix: {error.fix}", markup=False)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:
            # Hard: a download in another thread must not hold up Ctrl-C.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
