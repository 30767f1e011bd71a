"""`smartstore up`: everything, in the foreground until Ctrl-C, or detached."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runtime import state
from runtime.child import rotate, tail
from runtime.console import Terminal
from runtime.errors import StartFailed
from runtime.lock import HomeLock
from runtime.processes import processes
from runtime.settings import ROOT, RuntimeSettings, load_environment

if TYPE_CHECKING:
    from runtime.stack import Stack

_DETACH_LIMIT_S = 900  # a first start downloads 90 MB


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once ready.")] = False,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Kafka, MongoDB and Redis, nothing of ours.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the addresses as JSON once ready.")
    ] = False,
) -> None:
    """Start the servers and SmartStore's own processes."""
    if detach:
        _detach(servers_only=servers_only)
        _print_ready(RuntimeSettings.load().home, as_json=as_json)
        return
    from runtime.stack import Stack  # late: other commands start faster

    entries = () if servers_only else processes(RuntimeSettings.load().workers)
    run_until_stopped(
        Stack(entries=entries, reporter=(terminal := Terminal())),
        terminal,
        lambda stack: _print_ready(stack.home, as_json=as_json),
    )


def run_until_stopped(
    stack: Stack, terminal: Terminal, when_ready: Callable[[Stack], None]
) -> None:
    """Start, tell, wait for Ctrl-C, SIGTERM or SIGHUP, stop. `demo` runs this too."""
    with Signals() as signals:
        with terminal.transfers():
            stack.start()
        signals.collect()
        try:
            when_ready(stack)
            terminal.say(f"Ctrl-C or ./smartstore down ends it; data is kept in {stack.home}")
            while not signals.wait(1.0):
                if not stack.is_running():
                    raise StartFailed("a supervisor gave up", fix=f"see {stack.home / 'logs'}")
            terminal.say("Stopping")
        finally:
            stack.stop()


class Signals:
    """While starting, a signal interrupts, which cleans up. Then `wait` tells of the first one,
    and a second does not break the stopping."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._interrupts = True
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._on) for number in self._NUMBERS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, timeout_s: float) -> bool:
        """True once a signal came since `collect`."""
        return self._stop.wait(timeout_s)

    def collect(self) -> None:
        """From now on a signal is for `wait`."""
        self._interrupts = False

    def _on(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
        if self._interrupts:
            self._interrupts = False
            raise KeyboardInterrupt


def _print_ready(home: Path, *, as_json: bool) -> None:
    running = state.read(home)
    if running is None:
        return
    if as_json:
        sys.stdout.write(running.model_dump_json(by_alias=True) + "\n")
    elif any(process.name == "api" for process in running.processes):
        from runtime.welcome import welcome_lines  # late: it loads the database's client

        sys.stdout.write("\n".join(welcome_lines(running)) + "\n")
    else:
        lines = (f"{name}={url}" for name, url in running.environment.items() if "_URL" in name)
        sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _detach(*, servers_only: bool) -> None:
    settings = RuntimeSettings.load()
    HomeLock(settings.home).refuse_if_held()
    log = settings.home / "logs" / "up.log"
    rotate(log)
    argv = [sys.executable, "-P", "-m", "runtime.cli", "up"]
    argv += ["--servers-only"] if servers_only else []
    environment = {**load_environment(), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603
            argv,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the addresses: we print them ourselves
            stderr=output,
            start_new_session=True,
        )
    shown = 0
    limit_s = time.monotonic() + _DETACH_LIMIT_S
    while state.read(settings.home) is None:
        shown = _follow(log, shown)
        if child.poll() is not None:
            raise StartFailed("it ended while starting", fix=f"see {log}")
        if time.monotonic() > limit_s:
            child.terminate()
            raise StartFailed(f"not ready in time; its log ends:\n{tail(log)}", fix=f"see {log}")
        time.sleep(0.2)
    _follow(log, shown)


def _follow(log: Path, shown: int) -> int:
    """Pass on what the detached one says."""
    with log.open("rb") as stream:
        stream.seek(shown)
        text = stream.read()
    sys.stderr.write(text.decode(errors="replace"))
    sys.stderr.flush()
    return shown + len(text)
