"""Pure: change events and documents to records of topic `inbound` (their JSON: see
`connectors/mongodb/mapping.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from connectors.mongodb.events import event_json, snapshot_event
from connectors.mongodb.mapping import VARIANTS, id_text, variants_of
from schemas.envelope import Envelope, new_traceparent
from schemas.topics import INBOUND
from streams.identity import HOME
from streams.kafka.records import Outgoing

CHANGES = frozenset(("insert", "update", "replace", "delete"))
UPHEAVALS = frozenset(("drop", "rename", "dropDatabase", "invalidate"))
"""Documents went without events of their own: only a snapshot tells which."""

Document = Mapping[str, Any]


def organization_of(document: Any) -> str:
    """The organisation a document names, or nothing where it cannot be used in a key."""
    found = document.get("organizationId") if isinstance(document, Mapping) else None
    text = str(found) if isinstance(found, str | ObjectId) else ""
    return "" if "/" in text or len(text) > 128 else text


def event_organization(event: Document) -> str:
    """Whose event it is, from the document or its pre-image."""
    return organization_of(event.get("fullDocument")) or organization_of(
        event.get("fullDocumentBeforeChange")
    )


def removed_variants(event: Document) -> list[str]:
    """SKUs that the document had and has no more."""
    before = event.get("fullDocumentBeforeChange")
    if not isinstance(before, Mapping) or VARIANTS not in before:
        return []
    now = {sku for sku, _ in variants_of(event.get("fullDocument") or {})}
    return [sku for sku, _ in variants_of(before) if sku not in now]


def change_record(event: Document, entity_type: str, organization_id: str, now_ms: int) -> Outgoing:
    """One change. Raises Malformed for an `_id` of a kind we cannot name."""
    moment: Timestamp = event["clusterTime"]
    wall = event.get("wallTime")
    body = {
        "operationType": event["operationType"],
        "clusterTime": {"t": moment.time, "i": moment.inc},
        "wallTime": _milliseconds(wall) if wall else moment.time * 1000,
        "ns": event["ns"],
        "documentKey": event["documentKey"],
        "fullDocument": event.get("fullDocument"),
    }
    if removed := removed_variants(event):
        body["removedVariants"] = removed
    token = str(event["_id"].get("_data", event["_id"]))
    unique = blake2b(token.encode(), digest_size=12).hexdigest()
    return _record(body, entity_type, organization_id, unique, now_ms)


def snapshot_record(
    collection: str, database: str, document: Document, at: Timestamp, entity_type: str, now_ms: int
) -> Outgoing:
    """A document as read at a moment. Raises Malformed."""
    key = id_text(document["_id"])
    body = snapshot_event(collection, database, document, at)
    unique = blake2b(f"{collection}/{key}/{at.time}.{at.inc}".encode(), digest_size=12).hexdigest()
    return _record(body, entity_type, organization_of(document), unique, now_ms)


def absent_record(
    collection: str,
    database: str,
    external_id: str,
    at: Timestamp,
    entity_type: str,
    organization_id: str,
    removed: Sequence[str],
    now_ms: int,
) -> Outgoing:
    """A linked item that a new snapshot did not find: a notice of its deletion, or with `removed`
    of these variants of the product alone."""
    body = {
        "operationType": "vanished" if removed else "delete",
        "clusterTime": {"t": at.time, "i": at.inc},
        "ns": {"db": database, "coll": collection},
        "documentKey": {"_id": external_id},
        "fullDocument": None,
        "removedVariants": list(removed),
    }
    unique = blake2b(
        f"absent/{collection}/{external_id}/{at.time}.{at.inc}".encode(), digest_size=12
    ).hexdigest()
    return _record(body, entity_type, organization_id, unique, now_ms)


def _record(
    body: Document, entity_type: str, organization_id: str, unique: str, now_ms: int
) -> Outgoing:
    subject = f"{entity_type}/{id_text(body['documentKey']['_id'])}"
    envelope = Envelope(
        id=unique,
        type=f"inbound.{HOME}.{body['ns']['coll']}.{body['operationType']}",
        source="cdc",
        organization_id=organization_id,
        subject=subject,
        time_ms=now_ms,
        traceparent=new_traceparent(),
    )
    key = f"{organization_id}/{HOME}/{subject}".encode()
    return Outgoing(INBOUND, key, event_json(body), envelope.headers())


def _milliseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
