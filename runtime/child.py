"""Starting, recognising and ending child processes so that none is left behind.

Three layers: the tether (the kernel kills a child whose parent is gone), a process group per
child, and a file of started processes that the next start sweeps.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_TETHER = Path(__file__).with_name("tether.py")
_KEPT_LOGS = 3


def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start `argv` tied to the calling thread, in its own process group, output to `log`."""
    command = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *argv]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a child and whatever it started; already gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def rotate(log: Path) -> None:
    """Keep the logs of the last starts: name.log, name.log.1, ..."""
    log.parent.mkdir(parents=True, exist_ok=True)
    for number in range(_KEPT_LOGS, 0, -1):
        older = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))


def tail(log: Path, lines: int = 8) -> str:
    """The end of a log, for error messages."""
    with contextlib.suppress(OSError), log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 8192))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
    return ""


def started_at(pid: int) -> float | None:
    """When the process began: with the pid it is an identity, a pid alone is reused."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def is_alive(pid: int, began: float) -> bool:
    """True when this very process still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - began) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class PidFile:
    """Names the children started, so that a later start can end what a crash left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began: dict[int, tuple[str, float]] = {}

    def add(self, name: str, pid: int) -> None:
        began = started_at(pid)
        if began is not None:
            self._began[pid] = (name, began)
            self._write()

    def remove(self, pid: int) -> None:
        if self._began.pop(pid, None):
            self._write()

    def sweep(self) -> list[str]:
        """Kill recorded processes that still run and are the recorded ones; return their names."""
        ended = []
        for pid, name, began in self._read():
            if is_alive(pid, began):
                signal_group(pid, signal.SIGKILL)
                with contextlib.suppress(psutil.Error):
                    psutil.Process(pid).wait(timeout=5)
                ended.append(name)
        self._path.unlink(missing_ok=True)
        return ended

    def _read(self) -> list[tuple[int, str, float]]:
        try:
            rows = json.loads(self._path.read_text())
            return [(int(row["pid"]), str(row["name"]), float(row["began"])) for row in rows]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _write(self) -> None:
        rows = [{"pid": p, "name": n, "began": b} for p, (n, b) in self._began.items()]
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk: the next change writes all of them
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(rows))
            fresh.replace(self._path)
