"""What faults other than kills work on, and what they found by themselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from runtime.chaos.disk import Disks
from runtime.chaos.verdict import Finding
from runtime.demo.merchant import Merchant
from runtime.demo.system import System

MEGABYTE = 1_000_000


@dataclass
class Ground:
    """Of one seed."""

    system: System
    merchant: Merchant
    disks: Disks | None = None
    """Where the system's folders have a size; else none may be filled."""
    letters: set[tuple[str, str]] = field(default_factory=set)
    """Topic and key of records that must end as dead letters."""
    found: list[Finding] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """For people: `memory_kb_a_client` and the like."""

    def wrong(self, kind: str, told: str) -> None:
        """Note a finding."""
        self.found.append(Finding(kind, told))

    def memory_mb(self, process: str) -> float:
        """What a process holds now; 0 where it is away."""
        with suppress(LookupError, psutil.Error):
            memory = psutil.Process(self.system.pid(process)).memory_info()
            return float(memory.rss) / MEGABYTE
        return 0.0


@dataclass
class Peak:
    """The most a figure was, looked at from time to time."""

    look: Callable[[], float]
    begin: float = 0.0
    most: float = 0.0

    def __post_init__(self) -> None:
        self.begin = self.most = self.look()

    def again(self) -> None:
        """Look."""
        self.most = max(self.most, self.look())

    @property
    def grown(self) -> float:
        """Above the beginning."""
        return self.most - self.begin
