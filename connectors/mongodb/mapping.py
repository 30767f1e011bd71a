"""Pure: documents and change events to sightings of canonical fields.

A change event travels as JSON (`streams/cdc/records.py` makes it):

    {"operationType": "update", "clusterTime": {"t": 1795339800, "i": 3}, "wallTime": 1795339800250,
     "ns": {"db": "shop", "coll": "products"}, "documentKey": {"_id": {"$oid": "65f0..."}},
     "fullDocument": {...}, "removedVariants": ["TEA-400-G"]}

`operationType` is insert, update, replace, delete, snapshot (a page's read), or vanished (only the
removed variants are gone). BSON's own types are written as in MongoDB Extended JSON v2: `$oid`,
`$numberDecimal`, `$date`. `wallTime` is in ms since 1970 and is absent in snapshots. `fullDocument`
is null when the document is gone meanwhile.

Documents come here as BSON too (what the client read itself): both forms are understood.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from connectors.errors import Malformed
from connectors.mongodb.settings import Shape
from connectors.protocol import Parsed, Sighting
from schemas.canonical import Converter, converter
from schemas.envelope import rfc3339
from schemas.money import money
from schemas.observation import FieldMark, Mark, Seen

VARIANTS = "variants"
SYNC = "_sync"
SEPARATOR = "#"
"""Between a product's id and a variation's SKU in the variation's external id."""

Document = Mapping[str, Any]


def id_text(value: Any) -> str:
    """An `_id` as an external id: hex, itself, or decimal. Raises Malformed for other types."""
    if isinstance(value, str):
        return value
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Mapping) and isinstance(value.get("$oid"), str):
        return str(value["$oid"])
    raise Malformed(f"an _id must be an ObjectId, a string or an integer, not {value!r:.80}")


_SCALARS = frozenset((str, int, float, bool, type(None)))


def plain(value: Any) -> Any:
    """JSON values from BSON or Extended JSON: ids as text, times as RFC 3339, decimals as text."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        return [plain(item) for item in value]
    if kind is dict or isinstance(value, Mapping):
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name.startswith("$"):
                return _extended(name, inner)
        return {str(name): plain(inner) for name, inner in value.items()}
    if kind is ObjectId:
        return str(value)
    if kind is Decimal128:
        return _decimal(str(value))
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return rfc3339(int(moment.timestamp() * 1000))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return str(value)


def _extended(name: str, inner: Any) -> Any:
    if name == "$numberDecimal":
        return _decimal(str(inner))
    if name == "$date":
        return rfc3339(inner) if isinstance(inner, int) else plain(inner)
    return inner if isinstance(inner, str) else plain(inner)


def _decimal(text: str) -> str | None:
    try:
        return money(text)
    except ValueError:
        return text  # NaN, Infinity: refused by whoever wants a number


@lru_cache(maxsize=4096)
def _plan(shape: Shape, entity_type: str) -> tuple[tuple[str, str, Converter], ...]:
    """(canonical field, name in the document, converter) of a type."""
    return tuple(
        (field, name, converter(entity_type, field))
        for field, name in shape.names[entity_type].items()
        if (entity_type, field) != ("variation", "parentId")
    )


def fields_of(shape: Shape, entity_type: str, document: Document) -> dict[str, Any]:
    """Every canonical field that the document has. Raises Malformed, which names the field."""
    found: dict[str, Any] = {}
    for field, name, convert in _plan(shape, entity_type):
        if name not in document:
            continue
        value = document[name]
        try:
            found[field] = convert(value if type(value) in _SCALARS else plain(value))
        except ValueError as error:
            raise Malformed(f"{entity_type} field {name}: {error}") from error
    return found


def mark_of(sync: Any) -> Mark | None:
    """Our mark; None where there is none that can be read."""
    if not isinstance(sync, Mapping):
        return None
    op = _operation(sync.get("op"))
    if op is None:
        return None
    fields = {}
    for name, told in (sync.get("fields") or {}).items():
        field_op = _operation(told.get("op")) if isinstance(told, Mapping) else None
        if field_op is None:
            continue
        value = plain(told.get("value"))
        total = told.get("total")
        fields[name] = FieldMark(
            op=field_op,
            value=value,
            wanted=plain(told["wanted"]) if "wanted" in told else value,
            total=None if total is None else int(total),
        )
    return Mark(op=op, fields=fields)


def _operation(value: Any) -> tuple[int, int] | None:
    if isinstance(value, list | tuple) and len(value) == 2:
        try:
            return int(value[0]), int(value[1])
        except (TypeError, ValueError):
            return None
    return None


def escaped(sku: str) -> str:
    """A SKU as a field name: `%`, `.`, `$` and NUL as %XX."""
    return "".join(f"%{ord(char):02X}" if char in "%.$\0" else char for char in sku)


def variation_id(product_id: str, sku: str) -> str:
    """The external id of a variation."""
    return f"{product_id}{SEPARATOR}{sku}"


def split_variation(external_id: str) -> tuple[str, str]:
    """Product id and SKU. Raises Malformed."""
    product_id, found, sku = external_id.partition(SEPARATOR)
    if not found or not product_id or not sku:
        raise Malformed(f"{external_id!r} is no variation's id (<product id>#<sku>)")
    return product_id, sku


def variants_of(document: Document) -> Iterator[tuple[str, Document]]:
    """(SKU, element) of `variants[]`, the first of each SKU; those without a SKU are passed by."""
    told = set()
    variants = document.get(VARIANTS)
    for element in variants if isinstance(variants, list) else ():
        sku = element.get("sku") if isinstance(element, Mapping) else None
        text = str(sku).strip() if isinstance(sku, str | int) else ""
        if text and text not in told:
            told.add(text)
            yield text, element


def seen_of(
    shape: Shape,
    entity_type: str,
    document: Document,
    *,
    as_of: int,
    changed_at_ms: int | None = None,
) -> Seen:
    """What a whole document tells (not a variation: `variation_seen`). Raises Malformed."""
    fields = fields_of(shape, entity_type, document)
    masked: tuple[str, ...] = ()
    if entity_type == "inventory" and "quantity" in fields and fields["quantity"] is None:
        del fields["quantity"]  # null: stock is not managed here, which is not zero
        masked = ("quantity",)
    return Seen(
        external_id=id_text(document["_id"]),
        fields=fields,
        as_of=as_of,
        changed_at_ms=changed_at_ms,
        mark=mark_of(document.get(SYNC)),
        masked=masked,
    )


def variation_seen(
    shape: Shape,
    document: Document,
    sku: str,
    element: Document,
    *,
    as_of: int,
    changed_at_ms: int | None = None,
) -> Seen:
    """What a product's document tells of one of its variants. Raises Malformed."""
    sync = document.get(SYNC)
    marks = sync.get(VARIANTS) if isinstance(sync, Mapping) else None
    product_id = id_text(document["_id"])
    fields = fields_of(shape, "variation", element)
    fields["sku"] = sku
    fields["parentId"] = product_id
    return Seen(
        external_id=variation_id(product_id, sku),
        fields=fields,
        as_of=as_of,
        changed_at_ms=changed_at_ms,
        mark=mark_of(marks.get(escaped(sku))) if isinstance(marks, Mapping) else None,
    )


def _match_keys(entity_type: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    if entity_type == "customer":
        phone, email = fields.get("phone"), fields.get("email")
        keys = [f"phone:{phone.replace(' ', '')}"] if phone else []
        return (*keys, f"email:{email.strip().lower()}") if email else tuple(keys)
    sku = fields.get("sku")
    if entity_type in ("product", "variation", "inventory") and sku and sku.strip():
        return (f"sku:{sku.strip()}",)
    return ()


def _item_of(document_id: str, fields: Mapping[str, Any]) -> str:
    """Whose stock this is. By the contract `_id` is that item's; an app with ids of its own for
    stock tells by `productId` and, for a variant, its SKU."""
    product_id, sku = fields.get("productId"), fields.get("sku")
    if not product_id or product_id == document_id:
        return document_id
    return variation_id(product_id, sku) if sku else str(product_id)


def sightings(
    shape: Shape,
    entity_type: str,
    document: Document,
    *,
    as_of: int,
    changed_at_ms: int | None = None,
) -> list[Sighting]:
    """A document as sightings: a product also as its variations. Raises Malformed."""
    seen = seen_of(shape, entity_type, document, as_of=as_of, changed_at_ms=changed_at_ms)
    found = [
        Sighting(
            type=entity_type,
            external_id=seen.external_id,
            seen=seen,
            match_keys=_match_keys(entity_type, seen.fields),
            item_of=_item_of(seen.external_id, seen.fields) if entity_type == "inventory" else None,
        )
    ]
    if entity_type != "product":
        return found
    for sku, element in variants_of(document):
        variation = variation_seen(
            shape, document, sku, element, as_of=as_of, changed_at_ms=changed_at_ms
        )
        found.append(
            Sighting(
                type="variation",
                external_id=variation.external_id,
                seen=variation,
                match_keys=_match_keys("variation", variation.fields),
                parent=seen.external_id,
            )
        )
    return found


def as_of(moment: Timestamp | Mapping[str, int]) -> int:
    """A cluster time as one number that rises."""
    if isinstance(moment, Timestamp):
        return (moment.time << 32) | moment.inc
    return (int(moment["t"]) << 32) | int(moment["i"])


def parse_event(shape: Shape, body: bytes) -> Parsed:
    """What a change event (see the module) says. Raises Malformed."""
    try:
        event = orjson.loads(body)
        entity_type = shape.types.get(event["ns"]["coll"])
        at = as_of(event["clusterTime"])
        key = id_text(event["documentKey"]["_id"])
        operation = event["operationType"]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"not a change event: {error!r}") from error
    if entity_type is None:
        return Parsed(ignored=f"collection {event['ns']['coll']} is not followed")
    gone = tuple(
        Sighting(type="variation", external_id=variation_id(key, str(sku)), seen=None, parent=key)
        for sku in event.get("removedVariants") or ()
    )
    if operation == "vanished":
        return Parsed(sightings=gone)
    document = event.get("fullDocument")
    if operation == "delete" or document is None:
        item_of = key if entity_type == "inventory" else None
        lost = Sighting(type=entity_type, external_id=key, seen=None, item_of=item_of)
        return Parsed(sightings=(lost, *gone))
    found = sightings(shape, entity_type, document, as_of=at, changed_at_ms=event.get("wallTime"))
    return Parsed(sightings=(*found, *gone))
