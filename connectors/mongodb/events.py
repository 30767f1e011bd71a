"""Pure: change events as JSON (the shape that `mapping.py` reads)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from connectors.errors import Malformed
from schemas.envelope import rfc3339

SNAPSHOT = "snapshot"
"""The `operationType` of a document as a page's read found it."""

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS

Document = Mapping[str, Any]


def snapshot_event(collection: str, database: str, document: Document, at: Timestamp) -> Document:
    """A document as read at a moment."""
    return {
        "operationType": SNAPSHOT,
        "clusterTime": {"t": at.time, "i": at.inc},
        "ns": {"db": database, "coll": collection},
        "documentKey": {"_id": document["_id"]},
        "fullDocument": document,
    }


def event_json(event: Document) -> bytes:
    """The event's JSON. Raises Malformed where it holds what JSON cannot tell."""
    try:
        return orjson.dumps(event, default=_extended, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        key = event.get("documentKey", {}).get("_id")
        raise Malformed(f"{key} cannot be told as JSON: {error}") from error


def _extended(value: Any) -> Any:
    """BSON's own types as MongoDB Extended JSON."""
    if isinstance(value, ObjectId):
        return {"$oid": str(value)}
    if isinstance(value, Decimal128):
        return {"$numberDecimal": str(value)}
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return {"$date": rfc3339(int(moment.timestamp() * 1000))}
    if isinstance(value, Timestamp):
        return {"$timestamp": {"t": value.time, "i": value.inc}}
    if isinstance(value, bytes):
        return {"$binary": base64.b64encode(value).decode()}
    return str(value)
