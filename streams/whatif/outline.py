"""What of a decision people would call its result, as plain values. Asks for nothing but names that
every version of the engine has, so that another checkout's decisions are told alike."""

from __future__ import annotations

from typing import Any

Outline = dict[str, Any]


def outline(decision: Any) -> Outline:
    """`fields`: agreed values; `asks`: contested fields; `deleted`; `commands`: what would leave,
    without operation ids and times; `rejected`."""
    record = decision.record
    return {
        "fields": {name: held.value for name, held in record.fields.items()},
        "asks": sorted(record.conflicts),
        "deleted": record.tombstone is not None,
        "commands": [_command(command) for command in decision.commands],
        "rejected": bool(decision.rejected),
    }


def _command(command: Any) -> list[Any]:
    """Kind, platform, and what it asks for."""
    kind = type(command).__name__.lower()
    wanted = getattr(command, "want", None)
    if wanted is None:
        wanted = getattr(command, "arguments", None) or {}
    return [kind, command.replica, wanted]
