"""What clients are shown, in the user's own names."""

from __future__ import annotations

from typing import Any

import msgspec

from api.sentences import decided_sentence
from schemas.envelope import rfc3339
from schemas.feed import ConflictLine, FeedLine
from schemas.live import (
    Cursor,
    LiveConflict,
    LiveEvent,
    LiveSuggestion,
    ReplicaStatus,
    Shown,
    SyncStatus,
    read_cursor,
)
from streams.views import SUGGESTION

__all__ = [
    "Cursor",
    "LiveConflict",
    "LiveEvent",
    "LiveSuggestion",
    "ReplicaStatus",
    "Shown",
    "SyncStatus",
    "live_conflict",
    "live_event",
    "read_cursor",
    "to_json",
]


def live_event(line: FeedLine, cursor: Cursor) -> LiveEvent:
    """The line as clients see it."""
    return LiveEvent(
        id=line.id,
        type=line.type,
        action=line.action,
        data=line.fields,
        source=line.source,
        timestamp=rfc3339(line.at_ms),
        organization_id=line.organization_id,
        entity_id=line.entity_id,
        kind=line.kind,
        cursor=str(cursor),
        label=line.label,
        replica=line.replica,
        previous=line.previous,
        version=line.version,
        latency_ms=line.latency_ms,
        reason=line.reason,
        cause=line.cause,
    )


def live_conflict(line: ConflictLine, suggestion: LiveSuggestion | None = None) -> LiveConflict:
    """The conflict as clients see it."""
    return LiveConflict(
        id=line.id,
        type=line.type,
        entity_id=line.entity_id,
        field=line.field,
        label=line.label,
        status=line.status,
        policy=line.policy,
        candidates=line.candidates,
        changed_at={replica: rfc3339(at) for replica, at in line.stamps.items() if at > 0},
        opened_at=rfc3339(line.opened_at_ms),
        updated_at=rfc3339(line.at_ms),
        version=line.version,
        base=line.base,
        brake=line.brake,
        automatic=line.automatic or line.by == SUGGESTION,
        policy_version=line.policy_version,
        resolution=line.resolution,
        resolution_id=line.resolution_id,
        value=line.value,
        previous=line.previous,
        by=line.by,
        decided=decided_sentence(line) if line.status == "resolved" else "",
        suggestion=suggestion,
    )


_encoder = msgspec.json.Encoder()


def to_json(value: Any) -> bytes:
    """JSON bytes of any shape here, `null`s and empty lists of required names included."""
    return _encoder.encode(value)
