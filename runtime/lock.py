"""One SmartStore per data folder: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from io import TextIOWrapper
from pathlib import Path

from runtime.errors import AlreadyRunning


class HomeLock:
    """Held from start to stop by the process that owns the folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / "run" / "lock"
        self._file: TextIOWrapper | None = None

    def acquire(self) -> None:
        """Take it, or say who has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = self._path.open("a+")
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            opened.seek(0)
            holder = opened.read().strip()
            opened.close()
            raise self._refusal(holder) from None
        opened.truncate(0)
        opened.write(str(os.getpid()))
        opened.flush()
        self._file = opened

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def refuse_if_held(self) -> None:
        """For a caller that will start the holder as another process."""
        pid = self.holder()
        if pid is not None:
            raise self._refusal(str(pid))

    def _refusal(self, holder: str) -> AlreadyRunning:
        return AlreadyRunning(
            f"SmartStore already runs in {self._home}" + (f" (pid {holder})" if holder else ""),
            fix="./smartstore down, or set SMARTSTORE_HOME to another folder",
        )

    def holder(self) -> int | None:
        """The pid of who holds it now, None when free."""
        with contextlib.suppress(OSError, ValueError), self._path.open("r") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(opened.read().strip())
        return None
