"""The one table of our own processes: what `up` starts beside the servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

WORKER_READY = "worker started"
"""What `streams.worker` logs once its apps run."""


@dataclass(frozen=True)
class ProcessEntry:
    """Arguments for this Python; `groups` are the consumer groups the watchdog judges it by, each
    with the topics whose waiting messages count even before the group's first commit."""

    name: str
    argv: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    """Variables with the ports it serves: ready when all answer."""
    says: str = ""
    """Words in its log: ready once they are there. With neither: ready when it stays up."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside what all processes have, such as SMARTSTORE_INSTANCE of a second worker."""


PROCESSES: tuple[ProcessEntry, ...] = (
    ProcessEntry(
        "reconcile",
        ("-m", "streams.worker", "reconcile"),
        groups={"smartstore-reconcile": ("observations", "outcomes", "resolutions")},
        says=WORKER_READY,
    ),
    ProcessEntry(
        "inbound",
        ("-m", "streams.worker", "inbound"),
        groups={"smartstore-inbound": ("inbound",)},
        says=WORKER_READY,
    ),
    ProcessEntry(
        "sinks",
        ("-m", "streams.worker", "sinks"),
        groups={
            "smartstore-sink-mongodb": ("commands.mongodb",),
            "smartstore-sink-woocommerce": ("commands.woocommerce",),
            "smartstore-sink-whatsapp": ("commands.whatsapp",),
            "smartstore-views": ("conflicts", "deadletter"),
            "smartstore-records": ("entities-changelog", "feed"),
            "smartstore-talks": ("observations",),
        },
        says=WORKER_READY,
    ),
    ProcessEntry("cdc", ("-m", "streams.worker", "cdc"), says=WORKER_READY),
    ProcessEntry("upkeep", ("-m", "streams.worker", "upkeep"), says=WORKER_READY),
    ProcessEntry("archive", ("-m", "streams.worker", "archive"), says=WORKER_READY),
    ProcessEntry("api", ("-m", "api.main"), listens=("PORT", "WEBSOCKET_PORT")),
)

SHARED = ("reconcile", "inbound", "sinks")
"""Roles whose partitions several processes can share out between them."""


def processes(workers: int = 1) -> tuple[ProcessEntry, ...]:
    """The table with so many workers of each shared role: reconcile, reconcile-2, ..."""
    return tuple(
        entry
        if number == 1
        else replace(
            entry, name=f"{entry.name}-{number}", env={"SMARTSTORE_INSTANCE": str(number - 1)}
        )
        for entry in PROCESSES
        for number in range(1, (workers if entry.name in SHARED else 1) + 1)
    )
