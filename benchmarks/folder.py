"""A system of a benchmark's own: fresh folder, free ports, gone at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.demo.system import System
from runtime.processes import PROCESSES, ProcessEntry
from runtime.servers.ports import free_port
from runtime.settings import load_environment


@contextmanager
def running(*names: str, beside: Sequence[ProcessEntry] = ()) -> Iterator[System]:
    """Servers, the sandbox and these of our processes (none named: all), and more `beside`."""
    base = load_environment()
    taken: set[int] = set()
    for name in ("PORT", "WEBSOCKET_PORT", "SANDBOX_PORT"):
        taken.add(port := free_port(taken))
        base[name] = str(port)
    entries = [entry for entry in PROCESSES if not names or entry.name in names] + [*beside]
    with tempfile.TemporaryDirectory() as folder:
        with System(
            Path(folder), base=base, entries=entries, prefix="bench.", database="bench"
        ) as system:
            yield system
