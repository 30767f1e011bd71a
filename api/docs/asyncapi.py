"""The AsyncAPI 3.0 description of the topics (from `schemas/topics.py` and the structures that they
name) and of the WebSocket (from `schemas/live.py` and what it takes)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from api.client import Message
from api.docs.openapi import PROBLEM
from api.docs.shapes import COUNT, FLAG, MAP, TEXT, Schema, components, fields, many, of
from schemas import command, deadletter, feed, observation, outcome
from schemas.live import LiveConflict, LiveEvent, SyncStatus
from schemas.topics import TOPICS, Topic

MODULES = (observation, command, outcome, feed, deadletter)
HEADERS: Schema = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka binary mode; W3C trace context",
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": TEXT,
        "ce_type": TEXT,
        "ce_source": TEXT,
        "ce_subject": TEXT,
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_organizationid": TEXT,
        "traceparent": TEXT,
        "content-type": {"type": "string", "const": "application/json"},
    },
}
TAKEN_IN = ("inbound",)
"""Topics that others may write to; the rest is ours to write."""


def asyncapi(version: str) -> dict[str, Any]:
    """The whole document."""
    structures = {one.__name__: one for topic in TOPICS for one in structures_of(topic)}
    schemas = components([*structures.values(), LiveEvent, LiveConflict, SyncStatus])
    messages = {**_records(structures), **_live_messages()}
    channels = {topic.name: _channel(topic) for topic in TOPICS} | {"live": _live_channel()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SmartStore Sync",
            "version": version,
            "description": "What travels over Kafka, and the live connection. Everything about one "
            "entity has one key, so one partition and one order.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "KAFKA_URL"},
            "live": {
                "host": "localhost:3001",
                "protocol": "ws",
                "description": "WEBSOCKET_PORT; also /ws on PORT (3000)",
                "security": [{"$ref": "#/components/securitySchemes/ticket"}],
            },
        },
        "channels": channels,
        "operations": _operations(),
        "components": {
            "schemas": {**schemas, "Problem": PROBLEM, "Headers": HEADERS, "Command": _command()},
            "messages": messages,
            "securitySchemes": {
                "ticket": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": "`ticket.<ticket>` of POST /api/ws/ticket, or the ticket in the "
                    "first message",
                }
            },
        },
    }


def structures_of(topic: Topic) -> list[type[msgspec.Struct]]:
    """The structures that the topic's description names; a topic of raw deliveries names none."""
    found = []
    for name in re.findall(r"[A-Z]\w+", topic.holds):
        for module in MODULES:
            one = getattr(module, name, None)
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                found.append(one)
                break
    return found


def _channel(topic: Topic) -> dict[str, Any]:
    settings: dict[str, Any] = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    if topic.retention_ms is not None:
        settings["retention.ms"] = topic.retention_ms
    names = [one.__name__ for one in structures_of(topic)] or ["Raw"]
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.holds}. Key: {topic.key}. KAFKA_TOPIC_PREFIX stands before the "
        "name where it is set.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": settings}},
    }


def _records(structures: dict[str, type[msgspec.Struct]]) -> dict[str, Any]:
    headers = {"$ref": "#/components/schemas/Headers"}
    found: dict[str, Any] = {
        "Raw": {
            "summary": "Bytes of ours or of a platform, as the topic's description says.",
            "headers": headers,
            "payload": {},
        }
    }
    for name, one in structures.items():
        summary = (one.__doc__ or "").strip().partition("\n")[0]
        found[name] = {"summary": summary, "headers": headers, "payload": of(one)}
    return found


LIVE: dict[str, tuple[str, dict[str, Schema]]] = {
    "hello": (
        "The first message: the state to begin with.",
        {
            "isConnected": FLAG,
            "organizationId": TEXT,
            "resumed": FLAG,
            "cursor": TEXT,
            "syncStatus": of(SyncStatus),
            "conflicts": many(LiveConflict),
            "events": many(LiveEvent),
        },
    ),
    "event": ("Something happened.", {"event": of(LiveEvent)}),
    "conflict": (
        "Opened, changed or resolved; the highest version counts.",
        {"conflict": of(LiveConflict)},
    ),
    "status": (
        "How the sync stands, when it changed, and as a sign of life.",
        {"isConnected": FLAG, "syncStatus": of(SyncStatus)},
    ),
    "batches": ("What a safety brake holds has changed.", {}),
    "gap": ("Events between your cursor and now are no longer kept.", {"help": TEXT}),
    "pong": ("Answer to ping.", {}),
    "subscribed": ("Answer to subscribe.", {"subscribe": MAP}),
    "forceSync": ("Answer: the job.", {"job": fields(id=TEXT, state=TEXT, total=COUNT)}),
    "resolveConflict": (
        "Answer: what came of the decision.",
        {"accepted": FLAG, "settled": FLAG, "conflict": of(LiveConflict)},
    ),
    "undoConflict": (
        "Answer: what came of taking it back.",
        {"accepted": FLAG, "settled": FLAG, "conflict": of(LiveConflict)},
    ),
    "error": (
        "What was asked cannot be done.",
        {"problem": {"$ref": "#/components/schemas/Problem"}},
    ),
}
"""Messages that the server sends, by `type`."""


def _live_messages() -> dict[str, Any]:
    found: dict[str, Any] = {
        "live.command": {
            "summary": "What a client may send; `type` says which names count, `connect` is first.",
            "payload": {"$ref": "#/components/schemas/Command"},
        }
    }
    for name, (summary, named) in LIVE.items():
        payload = fields(type={"type": "string", "const": name}, **named)
        payload["properties"]["requestId"] = TEXT
        found[f"live.{name}"] = {"name": name, "summary": summary, "payload": payload}
    return found


def _live_channel() -> dict[str, Any]:
    names = ("command", *LIVE)
    return {
        "address": "/ws",
        "title": "The live connection",
        "description": "JSON text messages over a WebSocket. Keep the cursor of the last event: "
        "connecting again with it brings every later event once, in order.",
        "servers": [{"$ref": "#/servers/live"}],
        "messages": {n: {"$ref": f"#/components/messages/live.{n}"} for n in names},
        "bindings": {"ws": {"query": {"type": "object", "properties": {"cursor": TEXT}}}},
    }


def _operations() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for topic in TOPICS:
        action = "receive" if topic.name in TAKEN_IN else "send"
        found[f"{action}.{topic.name}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.name}"},
            "summary": topic.holds,
        }
    channel = {"$ref": "#/channels/live"}
    found["receive.live"] = {
        "action": "receive",
        "channel": channel,
        "summary": "What clients ask",
        "messages": [{"$ref": "#/channels/live/messages/command"}],
    }
    found["send.live"] = {
        "action": "send",
        "channel": channel,
        "summary": "What clients are told",
        "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in LIVE],
    }
    return found


def _command() -> Schema:
    """Its inner definitions in place: a document's references start at its root."""
    schema = Message.model_json_schema(by_alias=True)
    inner = schema.pop("$defs", {})
    subscription = inner["Subscription"]
    schema["properties"]["subscribe"] = {"anyOf": [subscription, {"type": "null"}]}
    return schema
