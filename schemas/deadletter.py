"""What could not be handled: topic `deadletter`, kept with its reason and a way back."""

from __future__ import annotations

from schemas.base import Wire


class DeadLetter(Wire, frozen=True, kw_only=True):
    """One parked record. Retrying produces `value` to `topic` under `key` again."""

    id: str
    organization_id: str = ""
    topic: str
    key: str
    value: str
    """The record's bytes in base64: they may not even be text."""
    headers: dict[str, str] = {}
    reason: str
    """One sentence that says what is wrong and what helps."""
    stage: str
    """inbound, reconcile, sink.<platform>, api"""
    at_ms: int
