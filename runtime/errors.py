"""What can go wrong while starting and stopping things.

SmartStoreError
├── AlreadyRunning      exit 3
├── CannotServe         exit 4   something must be installed or configured
├── DownloadFailed      exit 5   trying again helps
├── StartFailed         exit 6   a server or process did not become ready
└── TestsFailed         exit 1
"""

from __future__ import annotations


class SmartStoreError(Exception):
    """An error with one line for people, the command that fixes it and a stable exit code."""

    exit_code = 1
    retry_helps = False

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class AlreadyRunning(SmartStoreError):
    """Another SmartStore uses this data folder."""

    exit_code = 3


class CannotServe(SmartStoreError):
    """This machine cannot run a server that nothing else provides."""

    exit_code = 4


class DownloadFailed(SmartStoreError):
    """A file did not arrive or is not what its checksum says; what arrived is kept."""

    exit_code = 5
    retry_helps = True


class StartFailed(SmartStoreError):
    """A server or process ended, or was not ready in time."""

    exit_code = 6
    retry_helps = True


class TestsFailed(SmartStoreError):
    """At least one check did not pass."""

    __test__ = False  # not a test class, whatever its name looks like to pytest
