"""`smartstore down`: end what runs in this data folder, from any terminal."""

from __future__ import annotations

import os
import signal
import time

import typer

from runtime.child import PidFile
from runtime.console import Terminal
from runtime.lock import HomeLock
from runtime.settings import RuntimeSettings

_LIMIT_S = 45.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(down)


def down() -> None:
    """End the running SmartStore; its data stays."""
    home = RuntimeSettings.load().home
    lock = HomeLock(home)
    terminal = Terminal()
    pid = lock.holder()
    if pid is None:
        swept = [
            name
            for file in ("processes", "servers")
            for name in PidFile(home / "run" / f"{file}.pids").sweep()
        ]
        terminal.say(f"Ended what a crash had left: {', '.join(swept)}" if swept else "Not running")
        return
    os.kill(pid, signal.SIGTERM)
    limit_s = time.monotonic() + _LIMIT_S
    while lock.holder() == pid:
        if time.monotonic() > limit_s:
            # Its children are tied to it and go with it.
            os.kill(pid, signal.SIGKILL)
            limit_s += _LIMIT_S
        time.sleep(0.1)
    terminal.say("Stopped")
