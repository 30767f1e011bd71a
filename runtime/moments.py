"""The one way in which commands are told a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from runtime.errors import SmartStoreError
from schemas.clock import unix_ms

FORM = "2026-11-23T10:30, or 30m, 2h, 7d, 4w: so long ago."
Since = Annotated[str, typer.Option(help=f"From then on: {FORM}")]
Until = Annotated[str, typer.Option(help="Before then; the same forms. Without it: now.")]
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def moment_ms(text: str, *, to_come: bool = False) -> int:
    """`2h`, `7d`, `4w`: so long ago; or RFC 3339, without an offset by this computer's clock.
    `to_come`: a time in the future will do. Raises SmartStoreError."""
    now_ms = unix_ms()
    if text[:-1].isdecimal() and text[-1:] in _UNITS:
        return now_ms - int(text[:-1]) * _UNITS[text[-1]] * 1000
    try:
        found = int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise SmartStoreError(
            f"{text!r} is no time", fix="write 2026-11-23T10:30, or 2h for two hours ago"
        ) from error
    if found > now_ms and not to_come:
        raise SmartStoreError(f"{text} is still to come")
    return found
