"""Park a record: publish it to `deadletter`, acknowledged before the caller goes on."""

from __future__ import annotations

import base64
import secrets
import zlib
from collections.abc import Callable
from typing import Protocol

import structlog

from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.deadletter import DeadLetter
from schemas.envelope import Envelope, traceparent_of
from schemas.topics import DEADLETTER
from streams.kafka.records import Incoming, Outgoing, Publishes
from streams.metrics import PARKED

log = structlog.get_logger(__name__)

MAX_VALUE = 850_000
"""Bytes of base64 in one letter: under a record's limit with room for the rest."""
ENCODING = "x-value-encoding"
"""Header of a letter whose `value` was compressed first (`zlib`) or was too large (`none`)."""


class Parking(Protocol):
    """What agents need of `DeadLetters`."""

    async def park(
        self, incoming: Incoming | None, *, organization_id: str, stage: str, reason: str
    ) -> None:
        """Returns once it is kept. Raises PublishFailed."""
        ...


class DeadLetters:
    """Where agents put what they cannot handle. Raises PublishFailed: then nothing was parked, and
    the caller must not acknowledge the record."""

    def __init__(
        self,
        publisher: Publishes,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._publisher = publisher
        self._clock_ms = clock_ms

    async def park(
        self, incoming: Incoming | None, *, organization_id: str, stage: str, reason: str
    ) -> None:
        """Returns once Kafka has it. The same record parked twice by a stage is one letter."""
        letter = letter_of(incoming, organization_id, stage, reason, self._clock_ms())
        PARKED.labels(stage).inc()
        log.warning("dead letter", stage=stage, reason=reason, letter=letter.id)
        trace = traceparent_of(incoming.headers) if incoming else ""
        envelope = Envelope(
            id=letter.id,
            type="deadletter.parked",
            source=f"streams/{stage}",
            organization_id=organization_id,
            subject=letter.key,
            time_ms=letter.at_ms,
            traceparent=trace,
        )
        await self._publisher.publish(
            Outgoing(DEADLETTER, organization_id.encode(), encode(letter), envelope.headers())
        )


def letter_of(
    incoming: Incoming | None, organization_id: str, stage: str, reason: str, at_ms: int
) -> DeadLetter:
    """The letter for a record (None: something that came by no record)."""
    if incoming is None:
        return DeadLetter(
            id=secrets.token_hex(16),
            organization_id=organization_id,
            topic="",
            key="",
            value="",
            reason=reason[:2000],
            stage=stage,
            at_ms=at_ms,
        )
    headers = {name: value.decode("utf-8", "replace") for name, value in incoming.headers}
    value = base64.b64encode(incoming.value or b"")
    if len(value) > MAX_VALUE:
        value, headers[ENCODING] = base64.b64encode(zlib.compress(incoming.value, 9)), "zlib"
    if len(value) > MAX_VALUE:
        value, headers[ENCODING] = b"", "none"
        reason = f"{reason} (the record itself is too large to keep here)"
    return DeadLetter(
        id=f"{incoming.topic}-{incoming.partition}-{incoming.offset}-{stage}",
        organization_id=organization_id,
        topic=incoming.topic,
        key=incoming.key.decode("utf-8", "replace") if incoming.key else "",
        value=value.decode(),
        headers=headers,
        reason=reason[:2000],
        stage=stage,
        at_ms=at_ms,
    )
