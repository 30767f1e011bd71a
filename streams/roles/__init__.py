"""What each worker process is made of."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.app import SyncApp


def home() -> Path:
    """The folder with our key file: SMARTSTORE_HOME, else `.smartstore/data` where we run."""
    return Path(os.environ.get("SMARTSTORE_HOME", ".smartstore/data"))


async def _nothing() -> None:
    """A role with nothing to close."""


@dataclass
class Role:
    """Faust apps and plain tasks that live and die together."""

    apps: Sequence[SyncApp] = ()
    parts: Sequence[Coroutine[Any, Any, None]] = field(default_factory=list)
    close: Callable[[], Awaitable[None]] = _nothing
