"""What people say to the engine, as records for topic `resolutions`."""

from __future__ import annotations

from schemas.codec import encode
from schemas.envelope import Envelope, new_traceparent
from schemas.outcome import Erase, Relink, Resolution, Resync
from schemas.topics import RESOLUTIONS
from streams.kafka.records import Outgoing

Said = Resolution | Resync | Relink | Erase

KINDS: dict[type[Said], str] = {
    Resolution: "resolution.decided",
    Resync: "resolution.resync",
    Relink: "resolution.relink",
    Erase: "resolution.erase",
}


def reply_record(reply: Said, source: str) -> Outgoing:
    """The record; its envelope's id is the reply's own."""
    envelope = Envelope(
        id=reply.id,
        type=KINDS[type(reply)],
        source=source,
        organization_id=reply.organization_id,
        subject=f"{reply.type}/{reply.entity_id}",
        time_ms=reply.at_ms,
        traceparent=new_traceparent(),
    )
    return Outgoing(RESOLUTIONS, reply.key, encode(reply), envelope.headers())
