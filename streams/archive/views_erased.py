"""A person's data out of our own collections in MongoDB (`ss_*`): whatever there is by then, found
by looking, not by a list of places. The records themselves (`ss_entities`) are the engine's, the
archive has a way of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from bson.binary import Binary
from bson.raw_bson import RawBSONDocument

from schemas.codec import encode
from schemas.fields import PERSONAL
from streams.archive.erasing import Person, erased
from streams.archive.rows import event_of
from streams.database import Database, Document
from streams.kafka.records import Incoming
from streams.sync.erase import blank

LEFT_ALONE = frozenset(
    ("ss_archive", "ss_erasures", "ss_entities", "ss_organizations", "ss_integrations",
     "ss_sessions", "ss_tokens", "ss_checkpoints", "ss_policy_versions", "ss_capabilities",
     "ss_people", "ss_pulses", "ss_templates", "ss_media", "ss_inbox")
)  # fmt: skip
DROPPED = frozenset(("ss_conversations", "ss_links", "ss_labels", "ss_previews", "ss_sends"))
"""Rows that are about nothing but the person, or are made anew: they go as a whole. A link by a
phone number or an e-mail address would lead a new customer to the erased one."""
_KEPT_LINK = "l|"
"""A link by an item's id stays: the item is still the same."""
_PLACED = ("email", "phone", "address", "addresses", "recipient", "receiver", "consignee", "to",
           "billing", "shipping", "senderName")  # fmt: skip


async def erase_views(
    database: Database, person: Person, *, dry_run: bool = False
) -> dict[str, int]:
    """Documents changed or dropped, by collection. Errors: PyMongoError."""
    done: dict[str, int] = {}
    parcels = await _parcels(database, person)
    for name in sorted(await database.list_collection_names()):
        if name.startswith("ss_") and name not in LEFT_ALONE:
            if count := await _collection(database, name, person, parcels, dry_run=dry_run):
                done[name] = count
    if count := await _bodies(database, person, dry_run=dry_run):
        done["ss_inbox"] = count
    return done


async def _bodies(database: Database, person: Person, *, dry_run: bool) -> int:
    """Bodies too large for Kafka: the same goes from them as from what the archive holds."""
    rows, done = database["ss_inbox"], 0
    async for row in rows.find({"state": "body", "organizationId": person.organization}):
        record = Incoming(row["topic"], 0, 0, 0, bytes(row["key"]), bytes(row["value"]))
        new = erased(event_of(record, "", 0), person)
        if new is None:
            continue
        done += 1
        if not dry_run:
            change = {"key": Binary(new.key), "value": Binary(new.body or b"")}
            await rows.update_one({"_id": row["_id"]}, {"$set": change})
    return done


async def left_elsewhere(database: Database, person: Person) -> dict[str, int]:
    """Documents of the merchant's own collections that still name the person, by collection: in
    members that SmartStore does not know. Errors: PyMongoError."""
    left: dict[str, int] = {}
    for name in sorted(await database.list_collection_names()):
        if name.startswith(("ss_", "system.")):
            continue
        async for raw in _raw(database, name, person.organization):
            if person.within(_text(raw)):
                left[name] = left.get(name, 0) + 1
    return left


async def _collection(
    database: Database, name: str, person: Person, parcels: set[str], *, dry_run: bool
) -> int:
    done = 0
    async for raw in _raw(database, name, person.organization):
        text = _text(raw)
        mine = _about(raw, person) or raw.get("shipmentId") in parcels
        if not (mine or person.within(text)):
            continue
        old = _decoded(raw)
        drop = name in DROPPED and not str(old["_id"]).startswith(_KEPT_LINK)
        new = {} if drop else erased_document(old, person)
        if new == old:
            continue
        done += 1
        if not dry_run:
            await _put(database, name, old, new)
    return done


async def _parcels(database: Database, person: Person) -> set[str]:
    """Ids of the parcels of their orders."""
    orders = [name for kind, name in person.entities if kind == "order"]
    match = {"organizationId": person.organization, "orderId": {"$in": orders}}
    return {str(row["_id"]) async for row in database["ss_shipments"].find(match, {"_id": 1})}


async def _put(database: Database, name: str, old: Document, new: Document) -> None:
    rows = database[name]
    if new and new["_id"] == old["_id"]:
        await rows.replace_one({"_id": old["_id"]}, new)
        return
    await rows.delete_one({"_id": old["_id"]})
    if new:
        await rows.replace_one({"_id": new["_id"]}, new, upsert=True)


def _raw(database: Database, name: str, organization_id: str) -> Any:
    options = database.codec_options.with_options(document_class=RawBSONDocument)
    rows = database.get_collection(name, codec_options=options)
    return rows.find({"organizationId": organization_id})


def _decoded(raw: Any) -> Document:
    from bson import decode

    return decode(raw.raw)


def _text(raw: Any) -> str:
    return bytes(raw.raw).decode("utf-8", "replace")


def _about(raw: Any, person: Person) -> bool:
    """Whether the document says that it is about an entity of theirs."""
    if (raw.get("type"), raw.get("entityId")) in person.entities:
        return True
    if ("order", raw.get("orderId")) in person.entities:
        return True
    return ("conversation", raw.get("conversationId")) in person.entities


def erased_document(document: Document, person: Person) -> Document:
    """Pure: the document without the person; the lines of JSON in it as well."""
    kind = str(document.get("type", ""))
    names = PERSONAL.get(kind, frozenset()) | frozenset(_PLACED)
    changed: Document = _walk(document, names, person)
    if kind == "customer" and "label" in changed:
        changed["label"] = blank(document["label"])
    return changed


def _walk(node: Any, names: frozenset[str], person: Person) -> Any:
    if isinstance(node, bytes):
        return _bytes(node, names, person)
    if isinstance(node, str):
        return _line(node, names, person) if node[:1] in "{[" else person.without(node)
    if isinstance(node, list):
        return [_walk(part, names, person) for part in node]
    if isinstance(node, Mapping):
        contested = node.get("field") in names
        return {
            person.without(name): blank(value)
            if name in names or (contested and name in ("candidates", "base", "previous", "value"))
            else _walk(value, names, person)
            for name, value in node.items()
        }
    return node


def _line(text: str, names: frozenset[str], person: Person) -> str:
    try:
        document = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return person.without(text)
    return encode(_walk(document, names, person)).decode()


def _bytes(value: bytes, names: frozenset[str], person: Person) -> bytes:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value
    if text[:1] in ("{", "["):
        return _line(text, names, person).encode()
    return person.without(text).encode() if person.within(text) else value
