"""Pure: what a first connection would find, item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from connectors.protocol import Sighting, TypeProfile
from streams.identity import Place
from streams.sync.conflict import EMPTY
from streams.sync.record import Record

Kind = Literal["matched", "differing", "onlyHere", "onlyThere"]
MatchKey = tuple[str, str, str]
TWICE = "Another item there is the same one of ours already: only one of them is linked."


@dataclass(frozen=True)
class Found:
    """One item of a preview."""

    kind: Kind
    type: str
    entity_id: str = ""
    external_id: str = ""
    label: str = ""
    sku: str = ""
    differences: tuple[tuple[str, Any, Any], ...] = ()
    """(field, ours, theirs)"""
    note: str = ""


def differences(
    profile: TypeProfile, seen: Mapping[str, Any], record: Record
) -> tuple[tuple[str, Any, Any], ...]:
    """Fields for which somebody must win. What only one side has is filled in on the other; what
    the platform would make of our value is our value."""
    found = []
    for name, there in sorted(seen.items()):
        agreed = record.fields.get(name)
        if agreed is None or name not in profile.readable:
            continue
        here = agreed.value
        if here in EMPTY or there in EMPTY or here == there:
            continue
        if profile.normal(name, here) != there:
            found.append((name, here, there))
    return tuple(found)


def entity_of(
    organization_id: str,
    replica: str,
    sighting: Sighting,
    linked: Mapping[Place, str],
    claimed: Mapping[MatchKey, str],
) -> str:
    """Our entity of an item: by its link, our own mark in it, or SKU, phone, e-mail; else empty.
    Stock is its product's."""
    for kind, number in places_of(sighting):
        entity_id = linked.get((organization_id, replica, kind, number))
        if entity_id:
            return entity_id
    if sighting.seen is not None and sighting.seen.mark is not None:
        kind, _, entity_id = sighting.seen.mark.entity.partition("/")
        if kind == sighting.type and entity_id:
            return entity_id
    for key in sighting.match_keys:
        entity_id = claimed.get((organization_id, sighting.type, key))
        if entity_id:
            return entity_id
    return ""


def places_of(sighting: Sighting) -> Sequence[tuple[str, str]]:
    """(type, external id) of the links that may tell its entity, the surest first."""
    own = (sighting.type, sighting.external_id)
    if sighting.item_of is None:
        return (own,)
    return (own, ("product", sighting.item_of), ("variation", sighting.item_of))


def found_there(
    sighting: Sighting, record: Record | None, profile: TypeProfile, fields: Mapping[str, Any]
) -> Found | None:
    """What is said of one item of the platform; None for stock of an item that only they have."""
    told = sighting.seen.fields if sighting.seen else {}
    sku = str(told.get("sku") or "")
    label = str(told.get("name") or told.get("number") or sku or sighting.external_id)
    if record is None:
        if sighting.type == "inventory":
            return None
        return Found("onlyThere", sighting.type, "", sighting.external_id, label, sku)
    differing = differences(profile, fields, record)
    return Found(
        "differing" if differing else "matched",
        sighting.type,
        record.entity_id,
        sighting.external_id,
        label,
        sku,
        differing,
    )


def missing_there(record: Record, profile: TypeProfile, label: str, sku: str) -> Found | None:
    """What is said of an entity of ours that no item there is; None where none would be made."""
    held = {name for name, agreed in record.fields.items() if agreed.value not in EMPTY}
    if not profile.creates or record.tombstone is not None or not profile.required <= held:
        return None
    if record.type == "inventory":
        return None  # comes with its product
    return Found("onlyHere", record.type, record.entity_id, "", label or record.entity_id, sku)
