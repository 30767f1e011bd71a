"""The one table of our own processes: what `up` starts beside the servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProcessEntry:
    """Arguments for this Python; `groups` are the consumer groups the watchdog judges it by, each
    with the topics whose waiting messages count even before the group's first commit."""

    name: str
    argv: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    """Variables with the ports it serves: ready when all answer. Else ready when it stays up."""


PROCESSES: tuple[ProcessEntry, ...] = (
    ProcessEntry(
        "reconcile",
        ("-m", "streams.worker", "reconcile"),
        groups={"smartstore-reconcile": ("observations", "outcomes", "resolutions")},
    ),
    ProcessEntry(
        "inbound", ("-m", "streams.worker", "inbound"), groups={"smartstore-inbound": ("inbound",)}
    ),
    ProcessEntry("sinks", ("-m", "streams.worker", "sinks"), groups={"smartstore-sinks": ()}),
    ProcessEntry("cdc", ("-m", "streams.worker", "cdc")),
    ProcessEntry("api", ("-m", "api.main"), listens=("PORT", "WEBSOCKET_PORT")),
)
