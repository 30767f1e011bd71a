"""Disks that can be filled: small file systems in memory (tmpfs) under a system's folders.

Mounting needs root, or a user namespace of one's own (`unshare -rm ./smartstore faults`).
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

SIZES_MB = {"all": 1_500, "kafka": 500, "mongodb": 700, "archive": 100}
_FOLDERS = {"all": "", "kafka": "servers/kafka", "mongodb": "servers/mongodb", "archive": "archive"}
_FILLER = "filler"
_PIECE = b"\0" * 1_000_000


class CannotMount(Exception):
    """This process may not mount; the rows that need it cannot be tried here."""


class Disks:
    """Of one system: one file system for its whole folder, and one of their own for Kafka, MongoDB
    and the archive. Use as a context manager around the system's life; raises CannotMount."""

    def __init__(self, home: Path) -> None:
        self._places = {name: home / folder for name, folder in _FOLDERS.items()}

    def __enter__(self) -> Disks:
        self._unmount()  # what a killed run left
        try:
            for name, place in self._places.items():
                place.mkdir(parents=True, exist_ok=True)
                _run("mount", "-t", "tmpfs", "-o", f"size={SIZES_MB[name]}m", "tmpfs", str(place))
        except (OSError, subprocess.CalledProcessError) as error:
            self._unmount()
            raise CannotMount(f"no file system can be mounted: {error}") from error
        return self

    def __exit__(self, *error: object) -> None:
        self._unmount()

    def _unmount(self) -> None:
        for place in reversed(self._places.values()):
            while os.path.ismount(place):
                _run("umount", "--lazy", str(place))

    def fill(self, *names: str) -> None:
        """Not a byte is left."""
        for name in names:
            with (self._places[name] / _FILLER).open("ab", buffering=0) as filler:
                for piece in (_PIECE, _PIECE[:4096], _PIECE[:1]):
                    _write_until_full(filler.fileno(), piece)

    def free(self) -> None:
        """All the room is back."""
        for place in self._places.values():
            with suppress(FileNotFoundError):
                (place / _FILLER).unlink()


def _write_until_full(descriptor: int, piece: bytes) -> None:
    while True:
        try:
            os.write(descriptor, piece)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return
            raise


def _run(*command: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise OSError(f"there is no {command[0]}")
    subprocess.run([program, *command[1:]], check=True, capture_output=True)  # noqa: S603
