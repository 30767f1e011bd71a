"""Pure: a record of Kafka as a row of the archive, and rows in the order of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from schemas.archive import SYSTEM, ArchivedEvent
from schemas.base import split_key
from schemas.topics import COMMANDS, CONFLICTS, DEADLETTER, ENTITIES, FEED, INBOUND
from streams.kafka.records import Incoming

_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEYED_BY_ORGANIZATION = (FEED.name, DEADLETTER.name)
_KINDS = {ENTITIES.name: "record", CONFLICTS.name: "conflict", DEADLETTER.name: "deadletter"}
_CLAIM_KEYS = (b"\x00claim/", b"claim")
"""Of the changelog; of the commands."""
_COMMANDS = frozenset(topic.name for topic in COMMANDS.values())


class _Outline(msgspec.Struct, rename="camel"):
    """No more of a value than columns tell."""

    organization_id: str = ""
    type: str = ""
    entity_id: str = ""
    kind: str = ""
    source: str = ""
    replica: str = ""
    stage: str = ""


_outline = msgspec.json.Decoder(_Outline)
_NOTHING = _Outline()


def log_id(history: str) -> str:
    """Short for the name of a Kafka log (`streams.topics.history_of`)."""
    return sha256(history.encode()).hexdigest()[:8]


def event_of(record: Incoming, log: str, at_ms: int) -> ArchivedEvent:
    """The row of one record; its large body, where it had one, is in it already.

    Nothing here fails: what cannot be read is kept as it is, without the columns that tell of it.
    """
    names = dict(record.headers)
    text, raw = _text(record.value)
    kind = _KINDS.get(record.topic, "")
    organization = type_ = entity_id = source = ""
    if record.key.startswith(_CLAIM_KEYS[0]) or (
        record.topic in _COMMANDS and record.key == _CLAIM_KEYS[1]
    ):
        kind = "claim"
    elif record.topic == INBOUND.name:
        organization, source, rest = _split(record.key)
        type_ = rest.partition("/")[0]
        kind = "delivery"
    elif record.topic == ENTITIES.name:
        organization, type_, entity_id = _split(record.key)
        source = "reconcile"
    else:
        outline = _read(record.value)
        organization, type_, entity_id = outline.organization_id, outline.type, outline.entity_id
        if record.topic in _KEYED_BY_ORGANIZATION:
            organization = record.key.decode("utf-8", "replace")
        elif not entity_id:
            organization, type_, entity_id = _split(record.key)
        kind = kind or outline.kind
        source = outline.source or outline.replica or outline.stage
    told = names.get("ce_organizationid", b"").decode("utf-8", "replace")
    return ArchivedEvent(
        organization=_organization(organization, told),
        topic=record.topic,
        log=log,
        partition=record.partition,
        offset=record.offset,
        at_ms=at_ms,
        timestamp_ms=record.timestamp_ms,
        key=record.key,
        event=names.get("ce_type", b"").decode("utf-8", "replace"),
        type=type_,
        entity_id=entity_id,
        kind=kind,
        source=source,
        headers=tuple(record.headers),
        value=text,
        raw=raw,
    )


def file_order(event: ArchivedEvent) -> tuple[str, str, bytes, int, int]:
    """Rows of one entity lie together, and inbound deliveries by their item."""
    return event.type, event.entity_id, event.key, event.partition, event.offset


SORTED = [
    (name, "ascending") for name in ("type", "entity_id", "key", "log", "partition", "offset")
]
"""The same for tables."""


def day_of(at_ms: int) -> str:
    """The day in UTC: 2026-11-22."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def size_of(event: ArchivedEvent) -> int:
    """About the bytes that a row takes in memory."""
    told = sum(len(name) + len(value) for name, value in event.headers)
    return len(event.value or event.raw or b"") + len(event.key) + told + 200


def plain_size(events: Iterable[ArchivedEvent]) -> int:
    """Of several."""
    return sum(map(size_of, events))


def _organization(found: str, told: str) -> str:
    for name in (found, told):
        if _ORGANIZATION.fullmatch(name):
            return name
    return SYSTEM


def _split(key: bytes) -> tuple[str, str, str]:
    try:
        return split_key(key)
    except ValueError:
        return "", "", ""


def _read(value: bytes) -> _Outline:
    try:
        return _outline.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _NOTHING


def _text(value: bytes) -> tuple[str | None, bytes | None]:
    """The value as text, or as bytes where it is none; (None, None) for a deletion."""
    if not value:
        return None, None
    try:
        return value.decode(), None
    except UnicodeDecodeError:
        return None, value
