"""`/api/integrations/{id}/preview` and `/confirm`: nothing moves before a person has seen what
would."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.imports import Imports, shape
from api.routes.integrations import FirstSync, as_json
from api.routes.integrations import shape as integration_shape

router = APIRouter(prefix="/api/integrations", tags=["integrations"])


@router.post("/{integration_id}/preview", status_code=202)
async def begin_preview(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Read the platform and compare it with what we hold; nothing is linked, kept or written."""
    found = Imports(use.database, use.directory)
    return as_json(shape(await found.preview(caller.organization_id, integration_id)), 202)


@router.get("/{integration_id}/preview")
async def show_preview(
    integration_id: str,
    caller: UseCaller,
    use: UseServices,
    cursor: str = "",
    kind: Literal["", "matched", "differing", "onlyHere", "onlyThere"] = "",
    type: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The newest preview: counts of each type, and item by item who holds what."""
    found = Imports(use.database, use.directory)
    return as_json(
        await found.shown(
            caller.organization_id,
            integration_id,
            cursor=cursor,
            kind=kind,
            entity_type=type,
            limit=limit,
        )
    )


@router.post("/{integration_id}/confirm", status_code=202)
async def confirm(
    integration_id: str, wanted: FirstSync, caller: UseCaller, use: UseServices
) -> Response:
    """Who wins where an item differs the first time it is seen. The import begins."""
    found = Imports(use.database, use.directory)
    integration, job = await found.confirm(caller.organization_id, integration_id, wanted.winner)
    return as_json({"integration": integration_shape(integration), "import": shape(job)}, 202)
