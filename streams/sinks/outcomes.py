"""Pure: a platform's answer to the record that the engine reads."""

from __future__ import annotations

from schemas.codec import encode
from schemas.command import Create, Delete, Perform, Read, Write
from schemas.envelope import Envelope, traceparent_of
from schemas.observation import Seen
from schemas.outcome import Outcome, Result
from schemas.topics import OUTCOMES
from streams.kafka.records import Incoming, Outgoing


def outcome_of(
    command: Write | Create | Delete | Read | Perform,
    result: Result,
    at_ms: int,
    *,
    seen: Seen | None = None,
    reason: str = "",
    retry_at_ms: int | None = None,
) -> Outcome:
    """The outcome of one command."""
    return Outcome(
        organization_id=command.organization_id,
        type=command.type,
        entity_id=command.entity_id,
        replica=command.replica,
        op=None if isinstance(command, Read | Perform) else command.op,
        ticket=command.ticket if isinstance(command, Read) else None,
        effect_key=command.effect_key if isinstance(command, Perform) else None,
        result=result,
        seen=seen,
        reason=reason[:500],
        retry_at_ms=retry_at_ms,
        at_ms=at_ms,
    )


def outgoing(incoming: Incoming, outcome: Outcome) -> Outgoing:
    """Under the entity's key, within the command's trace."""
    what = outcome.op or outcome.ticket or outcome.effect_key
    envelope = Envelope(
        id=f"{outcome.replica}:{outcome.entity_id}:{what}:{outcome.at_ms}",
        type=f"outcome.{outcome.result}",
        source=f"sink/{outcome.replica}",
        organization_id=outcome.organization_id,
        subject=f"{outcome.type}/{outcome.entity_id}",
        time_ms=outcome.at_ms,
        traceparent=traceparent_of(incoming.headers),
    )
    return Outgoing(OUTCOMES, outcome.key, encode(outcome), envelope.headers())
