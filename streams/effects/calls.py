"""Which calls this process has begun, in a file that outlives it: what it claimed and had not begun
when it was killed was surely not done.

A line is written before each call, without waiting for the disk: what a process wrote is kept by
the system when the process is killed. A machine that went down may have lost it: the file then
bears another start of the machine than the one that reads, and proves nothing. The living hold a
lock on their file, so nobody takes it for a dead one's.

    <SMARTSTORE_HOME>/calls/<name>.log: the machine's start, then `organisation key claimedAtMs`
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import structlog

log = structlog.get_logger(__name__)

BOOT = Path("/proc/sys/kernel/random/boot_id")
FOLDER = "calls"
KEPT_S = 2 * 86_400
MOST_BYTES = 4 * 1024 * 1024
"""Some 40,000 calls; then another file."""
OPEN = 2
"""Files held open: a claim under the one before is over, or its call can no longer begin."""


class Calls:
    """Of one process. Errors: OSError where the disk is full."""

    def __init__(self, folder: Path, boot: Path = BOOT) -> None:
        """Raises OSError where this machine cannot keep such a file."""
        self._folder = folder / FOLDER
        self._boot = boot.read_text().strip()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, int] = {}
        self._clear()
        self.name = self._begin()

    def _begin(self) -> str:
        name = uuid.uuid4().hex
        file = os.open(self._path(name), os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, f"{self._boot}\n".encode())
        self._files[name] = file
        self._bytes = 0
        for former in list(self._files)[:-OPEN]:
            os.close(self._files.pop(former))
        return name

    def begin(self, name: str, organization_id: str, effect_key: str, claimed_at_ms: int) -> None:
        """The call of this claim, made under `name`, comes next. Raises OSError, LookupError."""
        line = _line(organization_id, effect_key, claimed_at_ms)
        if os.write(self._files[name], line) != len(line):
            raise OSError("the disk is full")
        self._bytes += len(line)
        if self._bytes > MOST_BYTES:
            self.name = self._begin()

    def never_begun(
        self, name: str, organization_id: str, effect_key: str, claimed_at_ms: int
    ) -> bool:
        """Whether the process of this name is dead and surely did not begin this call."""
        if not name or name in self._files:
            return False
        try:
            file = os.open(self._path(name), os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            written = self._path(name).read_bytes()
        except OSError:
            return False
        finally:
            os.close(file)
        boot, _, lines = written.partition(b"\n")
        return (
            boot.decode() == self._boot
            and _line(organization_id, effect_key, claimed_at_ms) not in lines
        )

    def close(self) -> None:
        """Let go of the files; they stay."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _clear(self) -> None:
        """Away with what nobody asks for any more."""
        old = time.time() - KEPT_S
        for path in self._folder.glob("*.log"):
            try:
                if path.stat().st_mtime < old:
                    path.unlink()
            except OSError:
                continue

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def open_calls(folder: Path) -> Calls | None:
    """None where this machine keeps no such file: then every claim left behind is unknown."""
    try:
        return Calls(folder)
    except OSError as error:
        log.warning("calls are not noted down", reason=str(error))
        return None


def _line(organization_id: str, effect_key: str, claimed_at_ms: int) -> bytes:
    # Percent signs keep a line a line.
    return f"{quote(organization_id)} {quote(effect_key)} {claimed_at_ms}\n".encode()
