"""Record headers: CloudEvents 1.0 in Kafka binary mode (`ce_*`), W3C trace context, nothing else.

Source of the names: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from schemas.base import Wire

Headers = list[tuple[str, bytes]]

_VERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", b"application/json")


class Envelope(Wire, frozen=True, kw_only=True):
    """What every record's headers tell."""

    id: str
    type: str
    """`inbound.woocommerce.product.updated`, `observation.seen`, ..."""
    source: str
    """Who made the record: `api`, `cdc`, `streams/inbound`, ..."""
    organization_id: str = ""
    subject: str = ""
    """The entity or external id."""
    time_ms: int = 0
    traceparent: str = ""

    def headers(self) -> Headers:
        """Kafka headers, in aiokafka's shape."""
        found = [
            _VERSION,
            _CONTENT,
            ("ce_id", self.id.encode()),
            ("ce_type", self.type.encode()),
            ("ce_source", self.source.encode()),
            ("ce_organizationid", self.organization_id.encode()),
            ("ce_time", rfc3339(self.time_ms).encode()),
        ]
        if self.subject:
            found.append(("ce_subject", self.subject.encode()))
        if self.traceparent:
            found.append(("traceparent", self.traceparent.encode()))
        return found


def read_envelope(headers: Iterable[tuple[str, bytes]] | None) -> Envelope:
    """The envelope from a record's headers; what is missing is empty, so foreign producers are
    read too."""
    found = {name.lower(): value for name, value in headers or ()}

    def text(name: str) -> str:
        return found.get(name, b"").decode("utf-8", "replace")

    return Envelope(
        id=text("ce_id"),
        type=text("ce_type"),
        source=text("ce_source"),
        organization_id=text("ce_organizationid"),
        subject=text("ce_subject"),
        time_ms=epoch_ms(text("ce_time")),
        traceparent=text("traceparent"),
    )


def traceparent_of(headers: Sequence[tuple[str, bytes]]) -> str:
    """The W3C trace context alone: all that most hops need."""
    for name, value in headers:
        if name == "traceparent":
            return value.decode("ascii", "replace")
    return ""


def new_traceparent() -> str:
    """A fresh W3C trace context, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(text: str) -> int:
    """RFC 3339 to milliseconds; 0 for anything else. A time without offset is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
