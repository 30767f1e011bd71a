"""What a running SmartStore tells other terminals: one file, readable by its user only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from runtime.lock import HomeLock
from runtime.supervisor import ProcessStatus


class ProcessState(BaseModel):
    """One line of `status`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    name: str
    state: str
    pid: int | None
    restarts: int
    log: Path

    @classmethod
    def of(cls, status: ProcessStatus) -> ProcessState:
        """The part that stays true between events."""
        return cls(
            name=status.name,
            state=status.state,
            pid=status.pid,
            restarts=status.restarts,
            log=status.log,
        )


class RunState(BaseModel):
    """Written by the running `up` or `demo` at every change."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    pid: int
    ready: bool
    url: str
    websocket_url: str
    environment: dict[str, str]
    """KAFKA_URL, DATABASE_URL, REDIS_URL, PORT and WEBSOCKET_PORT as the processes have them."""
    processes: list[ProcessState]

    def write(self, home: Path) -> None:
        """Whole or not at all; the endpoints may hold passwords."""
        path = _path(home)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(self.model_dump_json(by_alias=True))
        fresh.replace(path)


def read(home: Path) -> RunState | None:
    """The state of who runs in `home` now; None when nobody does or it only begins."""
    holder = HomeLock(home).holder()
    if holder is None:
        return None
    try:
        state = RunState.model_validate_json(_path(home).read_text())
    except (OSError, ValidationError):
        return None
    return state if state.pid == holder else None


def clear(home: Path) -> None:
    """At the end of a run."""
    _path(home).unlink(missing_ok=True)


def redacted(url: str) -> str:
    """Without passwords: the servers' and, behind the `?`, the Sentinels'."""
    parts = urlsplit(url)
    query = re.sub(r"(password=)[^&]*", r"\1•••", parts.query)
    netloc = parts.netloc
    if parts.password:
        netloc = netloc.replace(f":{parts.password}@", ":•••@")
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def _path(home: Path) -> Path:
    return home / "run" / "state.json"
