"""Traces from webhook to sink: which spans there are, and how they hang together.

A record carries its trace in the header `traceparent` (W3C). Each hop that handles it makes a span
and puts that into the header of what it sends on, so the next hop hangs beneath it: receive, send,
process, decide, the sink's call, its outcome. Without OTEL_EXPORTER_OTLP_ENDPOINT no tracer is
loaded, and a hop costs a comparison.

No span holds an id of a customer or an item, or a secret: organisation, platform, topic, kind.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Literal, Protocol

import structlog

from schemas.envelope import new_traceparent, traceparent_of
from schemas.topics import COMMANDS, INBOUND, OBSERVATIONS, OUTCOMES, RESOLUTIONS
from streams.kafka.records import Incoming, Outgoing

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
HEADER = "traceparent"
FOLLOWED = frozenset(
    topic.name for topic in (INBOUND, OBSERVATIONS, OUTCOMES, RESOLUTIONS, *COMMANDS.values())
)
"""Topics whose records are work: views that follow what is told are no hops."""
_VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Kind = Literal["server", "internal", "producer", "consumer", "client"]
Attributes = Mapping[str, str | int]
_here: ContextVar[str] = ContextVar("traceparent", default="")


class Span(Protocol):
    """One that is under way."""

    traceparent: str

    def end(self, attributes: Attributes | None = None, failed: str = "") -> None:
        """It is over; `failed` says why in a word or two."""
        ...


class Spans(Protocol):
    """`streams.spans.Exported`."""

    def begin(
        self, name: str, kind: Kind, parent: str, attributes: Attributes, at_ns: int = 0
    ) -> Span:
        """Beneath the span that the traceparent names; a trace of its own where that is empty."""
        ...

    def stop(self) -> None:
        """Send what is left."""
        ...


_spans: Spans | None = None


def start(environment: Mapping[str, str], process: str) -> None:
    """Export this process's spans by OTLP over HTTP, where the environment says whereto. The other
    variables are OpenTelemetry's own: OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, ..."""
    if any(environment.get(name, "").strip() for name in ENDPOINTS):
        use(importlib.import_module("streams.spans").open_spans(process))


def use(spans: Spans | None) -> None:
    """From now on these; None: none."""
    global _spans
    _spans = spans


def stop() -> None:
    """Send what is left."""
    if _spans is not None:
        _spans.stop()


def now_ns() -> int:
    """When a step begins; 0 where nobody traces."""
    return 0 if _spans is None else time.time_ns()


# Where a request is answered


def enter(given: str) -> str:
    """The trace that a request brought, if it is one, else a new one; `here` tells it from now
    on."""
    found = given if _VALID.fullmatch(given) else new_traceparent()
    _here.set(found)
    return found


def here() -> str:
    """The trace of the request that is being answered, else a new one."""
    return _here.get() or new_traceparent()


def trace_id(traceparent: str) -> str:
    """What log lines are found by."""
    return traceparent[3:35]


def receive(method: str, given: str) -> Span | None:
    """A request has come; `given`: its header."""
    if _spans is None:
        return None
    parent = given if _VALID.fullmatch(given) else ""
    span = _spans.begin(method, "server", parent, {"http.request.method": method})
    _here.set(span.traceparent)
    return span


# Where records are handled


def begin(agent: str, chunks: Iterable[Sequence[Incoming]]) -> list[Span]:
    """Chunks are about to be handled: what follows from a record hangs beneath its span, since
    that is in its header from now on."""
    if _spans is None:
        return []
    found = []
    for chunk in chunks:
        for record in chunk:
            if record.topic not in FOLLOWED:
                continue
            span = _spans.begin(
                f"process {record.topic}",
                "consumer",
                traceparent_of(record.headers),
                {
                    "messaging.system": "kafka",
                    "messaging.operation.name": "process",
                    "messaging.operation.type": "process",
                    "messaging.destination.name": record.topic,
                    "messaging.destination.partition.id": str(record.partition),
                    "messaging.kafka.offset": record.offset,
                    "messaging.consumer.group.name": f"smartstore-{agent}",
                    **_told(record.headers),
                },
            )
            record.headers = _with(record.headers, span.traceparent)
            found.append(span)
    return found


def sending(records: Sequence[Outgoing]) -> tuple[Sequence[Outgoing], list[Span]]:
    """The records as they are sent, each beneath what made it, and their spans."""
    if _spans is None:
        return records, []
    found, made = [], []
    for record in records:
        parent = traceparent_of(record.headers)
        if not parent:
            made.append(record)
            continue
        span = _spans.begin(
            f"send {record.topic.name}",
            "producer",
            parent,
            {
                "messaging.system": "kafka",
                "messaging.operation.name": "send",
                "messaging.operation.type": "send",
                "messaging.destination.name": record.topic.name,
                **_told(record.headers),
            },
        )
        made.append(replace(record, headers=_with(record.headers, span.traceparent)))
        found.append(span)
    return made, found


def end(spans: Iterable[Span], failed: str = "") -> None:
    """They are over."""
    for span in spans:
        span.end(failed=failed)


def step(
    name: str,
    begun_ns: int,
    incoming: Incoming | None,
    attributes: Attributes,
    *,
    kind: Kind = "internal",
    failed: str = "",
) -> None:
    """A step that is over, of the work on a record. `begun_ns`: `now_ns` at its beginning."""
    if _spans is None or incoming is None or not begun_ns:
        return
    parent = traceparent_of(incoming.headers)
    _spans.begin(name, kind, parent, attributes, begun_ns).end(failed=failed)


def _with(headers: Sequence[tuple[str, bytes]], traceparent: str) -> list[tuple[str, bytes]]:
    return [*(one for one in headers if one[0] != HEADER), (HEADER, traceparent.encode())]


def _told(headers: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """What a record's envelope may tell anybody."""
    found = dict(headers)
    told = {
        "cloudevents.event_type": found.get("ce_type", b""),
        "smartstore.organization": found.get("ce_organizationid", b""),
    }
    return {name: value.decode("utf-8", "replace")[:200] for name, value in told.items() if value}
