"""Pure: which entity a sighting is, given the links and claims that are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from pymongo import UpdateOne

from connectors.protocol import Sighting
from streams.sync.erase import sealed

HOME = "mongodb"
"""The replica whose ids become ours: the merchant's own database."""
ITEM_TYPES = ("variation", "product")

Place = tuple[str, str, str, str]
"""Organisation, replica, type, external id."""
Row = Mapping[str, Any]


def link_id(organization_id: str, replica: str, entity_type: str, external_id: str) -> str:
    """`_id` of a link; only the last part may hold a bar."""
    return f"l|{organization_id}|{replica}|{entity_type}|{external_id}"


def claim_id(organization_id: str, match_type: str, match_key: str) -> str:
    """`_id` of a claim."""
    return f"c|{organization_id}|{match_type}|{match_key}"


def namespace(entity_type: str) -> str:
    """Products, variations and their stock share one space of SKUs, and of new ids."""
    return "item" if entity_type in ("product", "variation", "inventory") else entity_type


def new_entity_id(organization_id: str, replica: str, entity_type: str, external_id: str) -> str:
    """The home replica's own id, else 24 hex digits (so that they can be an ObjectId there)."""
    if replica == HOME:
        return external_id
    text = f"{organization_id}|{replica}|{namespace(entity_type)}|{external_id}"
    return sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Request:
    """One sighting that wants an identity."""

    organization_id: str
    replica: str
    sighting: Sighting

    @cached_property
    def link_id(self) -> str:
        """Of the item itself."""
        return link_id(
            self.organization_id, self.replica, self.sighting.type, self.sighting.external_id
        )

    @cached_property
    def sealed_id(self) -> str:
        """The same after its person was erased, where the platform's id told who that is."""
        sighting = self.sighting
        return link_id(
            self.organization_id, self.replica, sighting.type, sealed(sighting.external_id)
        )

    def claim_ids(self) -> list[str]:
        """Of its match keys."""
        match_type = namespace(self.sighting.type)
        return [claim_id(self.organization_id, match_type, key) for key in self.sighting.match_keys]

    def item_links(self) -> list[str]:
        """For stock: links of the product or variation that it may belong to."""
        return [link_id(*place) for place in item_places(self)]

    def reads(self) -> Iterator[str]:
        """Every row that may tell."""
        yield self.link_id
        yield self.sealed_id
        yield from self.claim_ids()
        yield from self.item_links()

    def marked_entity(self) -> str:
        """The entity that the mark in the item names, where it is of this type."""
        seen = self.sighting.seen
        entity_type, _, entity_id = (seen.mark.entity if seen and seen.mark else "").partition("/")
        return entity_id if entity_type == self.sighting.type else ""

    def joinable(self, rows: Mapping[str, Row]) -> Iterator[str]:
        """Entities that the item may join."""
        if marked := self.marked_entity():
            yield marked
        for row_id in (*self.item_links(), *self.claim_ids()):
            if row_id in rows:
                yield rows[row_id]["entityId"]

    def fresh_id(self) -> str:
        """Its id when nothing knows it."""
        sighting = self.sighting
        source = sighting.external_id
        if sighting.type == "inventory" and sighting.item_of:
            if self.replica != HOME or not sighting.match_keys:
                source = sighting.item_of
        return new_entity_id(self.organization_id, self.replica, sighting.type, source)


def item_places(request: Request) -> list[Place]:
    """Where the item may be found whose stock a sighting tells."""
    sighting = request.sighting
    if sighting.type != "inventory":
        return []
    ids = dict.fromkeys(
        text for text in (sighting.item_of, sighting.external_id) if text is not None
    )
    return [
        (request.organization_id, request.replica, kind, text)
        for text in ids
        for kind in ITEM_TYPES
    ]


def claim_row(request: Request, key: str, entity_id: str) -> dict[str, Any]:
    """The claim of a match key for an entity."""
    match_type = namespace(request.sighting.type)
    return {
        "_id": claim_id(request.organization_id, match_type, key),
        "organizationId": request.organization_id,
        "matchType": match_type,
        "matchKey": key,
        "entityId": entity_id,
    }


@dataclass
class Plan:
    """Decides a chunk in order and collects what is to be written."""

    rows: Mapping[str, Row]
    living: dict[Place, str]
    """(organisation, replica, type, entity id) to the external id it has there."""
    now_ms: int
    claims: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    updates: list[UpdateOne] = field(default_factory=list)
    claimants: dict[str, list[int]] = field(default_factory=dict)
    """Claim to the requests that stand or fall with its insert."""
    owner: dict[str, int] = field(default_factory=dict)
    """New link to its request."""
    leaders: dict[int, int] = field(default_factory=dict)
    """A request that took over what an earlier one of this chunk decided."""
    outworn: list[tuple[Request, str, str]] = field(default_factory=list)
    """(request, entity, SKU that its item does not bear any more)"""
    made: dict[str, tuple[str, int]] = field(default_factory=dict)
    """New row to (entity, request)."""

    def decide(self, index: int, request: Request) -> str:
        """The entity of one request."""
        row = self.rows.get(request.link_id)
        if row is not None:
            return self._known(request, row)
        if (row := self.rows.get(request.sealed_id)) is not None:
            return str(row["entityId"])
        if request.link_id in self.made:
            entity_id, leader = self.made[request.link_id]
            self.leaders[index] = self.leaders.get(leader, leader)
            return entity_id
        entity_id, claims = self._join(index, request)
        if not entity_id:
            entity_id = request.fresh_id()
        for row_id, key in zip(request.claim_ids(), request.sighting.match_keys, strict=True):
            if claims and row_id not in self.rows and row_id not in self.made:
                self._claim(key, request, entity_id)
                self.claimants.setdefault(row_id, []).append(index)
                self.made[row_id] = (entity_id, index)
        self._link(index, request, entity_id)
        return entity_id

    def _known(self, request: Request, row: Row) -> str:
        """A linked item may have a new SKU, and one that was gone may be back."""
        entity_id = str(row["entityId"])
        held = set(row.get("keys", ()))
        new = [key for key in request.sighting.match_keys if key not in held]
        update: dict[str, Any] = {}
        if new:
            old = _outworn(held, request.sighting.match_keys)
            update["$set"] = {"keys": sorted({*held, *new} - old)}
            self.outworn += [(request, entity_id, key) for key in old]
            for key in new:
                row_id = claim_id(request.organization_id, namespace(request.sighting.type), key)
                if row_id not in self.rows and row_id not in self.made:
                    self._claim(key, request, entity_id)
                    self.made[row_id] = (entity_id, -1)
        if "goneAtMs" in row and request.sighting.seen is not None:
            update["$unset"] = {"goneAtMs": ""}
        if update:
            self.updates.append(UpdateOne({"_id": request.link_id}, update))
        return entity_id

    def _join(self, index: int, request: Request) -> tuple[str, bool]:
        """An existing entity, or ""; and whether its match keys may be claimed for it."""
        refused = False
        candidates = [("", request.marked_entity())]
        candidates += [(row_id, "") for row_id in (*request.item_links(), *request.claim_ids())]
        for row_id, entity_id in candidates:
            leader = index
            if row_id in self.made:
                entity_id, leader = self.made[row_id]
            elif row_id in self.rows:
                entity_id = str(self.rows[row_id]["entityId"])
            if not entity_id:
                continue
            place = (request.organization_id, request.replica, request.sighting.type, entity_id)
            if self.living.get(place, request.sighting.external_id) == request.sighting.external_id:
                if leader not in (index, -1):
                    self.leaders[index] = self.leaders.get(leader, leader)
                return entity_id, True
            refused = True
        return "", not refused

    def _claim(self, key: str, request: Request, entity_id: str) -> None:
        self.claims.append(claim_row(request, key, entity_id))

    def _link(self, index: int, request: Request, entity_id: str) -> None:
        sighting = request.sighting
        self.links.append(
            {
                "_id": request.link_id,
                "organizationId": request.organization_id,
                "replica": request.replica,
                "type": sighting.type,
                "externalId": sighting.external_id,
                "entityId": entity_id,
                "keys": list(sighting.match_keys),
                "linkedAtMs": self.now_ms,
            }
        )
        self.owner[request.link_id] = index
        self.made[request.link_id] = (entity_id, index)
        place = (request.organization_id, request.replica, sighting.type, entity_id)
        self.living[place] = sighting.external_id


def _outworn(held: Iterable[str], now: Iterable[str]) -> set[str]:
    """An item has one SKU: with a new one the former is free for another item."""
    skus = {key for key in now if key.startswith("sku:")}
    return {key for key in held if key.startswith("sku:") and key not in skus} if skus else set()
