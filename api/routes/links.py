"""`GET /api/links`, `POST /api/links/{merge,split}`: which item is which entity."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import UseCaller, UseServices
from api.errors import conflict, invalid, not_found
from api.shapes import to_json
from schemas.fields import ENTITY_TYPES
from streams.links import Links
from streams.relinking import STOCKED, NotLinked, Relinking

router = APIRouter(prefix="/api/links", tags=["links"])

Id = Annotated[str, Field(min_length=1, max_length=300)]
Kind = Annotated[str, Field(max_length=40)]


class Merge(BaseModel):
    """Two entities that are one."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    type: Kind
    keep: Id
    """The entity that stays."""
    drop: Id
    items: dict[str, Id] = {}
    """Platform to the item that stays, where both have one; else that of `keep`. The other one is
    deleted, to the platform's trash where it has one."""


class Split(BaseModel):
    """One entity that is two."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    type: Kind
    entity_id: Id = Field(alias="entityId")
    replica: Annotated[str, Field(min_length=1, max_length=40)]
    """The platform whose item becomes an entity of its own."""


def _links(use: UseServices) -> Links:
    return Links(use.database, use.cache)


UseLinks = Annotated[Links, Depends(_links)]


@router.get("")
async def get_links(
    caller: UseCaller,
    links: UseLinks,
    type: Annotated[str, Query(max_length=40)],
    entityId: Annotated[str, Query(max_length=300)],
    organizationId: str | None = None,
) -> Response:
    """The items of one entity: platform to the item's id there."""
    caller.check(organizationId)
    _known(type)
    found = await links.items(caller.organization_id, type, entityId)
    if not found:
        raise not_found(f"There is no {type} {entityId} on any platform.")
    body = {"type": type, "entityId": entityId, "items": found}
    return Response(to_json(body), media_type="application/json")


@router.post("/merge", status_code=202)
async def merge(wanted: Merge, caller: UseCaller, use: UseServices, links: UseLinks) -> Response:
    """Make two entities one. What both sides differ in is then decided as for any first sight."""
    _known(wanted.type)
    relinking = Relinking(links, use.publisher)
    try:
        moves = await relinking.merge(
            caller.organization_id,
            wanted.type,
            wanted.keep,
            wanted.drop,
            caller.by,
            items=wanted.items,
        )
    except NotLinked as error:
        raise conflict(str(error), "Read GET /api/links for both and decide again.") from error
    moved = [{"replica": move.replica, "item": move.external_id} for move in moves]
    body = {"accepted": True, "entityId": wanted.keep, "moved": moved}
    return Response(to_json(body), status_code=202, media_type="application/json")


@router.post("/split", status_code=202)
async def split(wanted: Split, caller: UseCaller, use: UseServices, links: UseLinks) -> Response:
    """Give one platform's item an entity of its own; it is then made on the other platforms too,
    where they take new items. Undo it with a merge."""
    _known(wanted.type)
    relinking = Relinking(links, use.publisher)
    try:
        made = await relinking.split(
            caller.organization_id, wanted.type, wanted.entity_id, wanted.replica, caller.by
        )
    except NotLinked as error:
        raise conflict(str(error), "Read GET /api/links and decide again.") from error
    body = {"accepted": True, "entityId": made}
    return Response(to_json(body), status_code=202, media_type="application/json")


def _known(entity_type: str) -> None:
    if entity_type == "inventory":
        raise invalid("Stock goes with its product.", f"Use {' or '.join(STOCKED)}.")
    if entity_type not in ENTITY_TYPES:
        raise invalid(f"There is no entity type {entity_type}.", f"Use {', '.join(ENTITY_TYPES)}.")
