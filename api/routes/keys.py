"""API keys of the organisation: made, rotated with an overlap, taken away. Owners only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import UseCaller, UseServices
from api.routes.integrations import as_json
from schemas.envelope import rfc3339
from streams.access import Role
from streams.apikeys import MAX_NAME, ApiKey

router = APIRouter(prefix="/api/keys", tags=["access"])

HOUR_MS = 3_600_000
KeyRole = Literal["owner", "staff", "analyst"]


class NewKey(BaseModel):
    """What the key is for, and what it may."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
    role: KeyRole = "staff"


class Rotation(BaseModel):
    """How long the old key goes on."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    overlap_hours: int = Field(24, ge=0, le=720, alias="overlapHours")


@router.get("")
async def list_keys(caller: UseCaller, use: UseServices) -> Response:
    """Newest first: name, role, the first letters, when each was used last and when it ends."""
    keys = await use.directory.keys.list(caller.organization_id)
    return as_json({"keys": [shown(key) for key in keys]})


@router.post("", status_code=201)
async def add_key(wanted: NewKey, caller: UseCaller, use: UseServices) -> Response:
    """A new key. `apiKey` is shown this once."""
    made = await use.directory.keys.add(caller.organization_id, wanted.name, Role(wanted.role))
    return as_json({"apiKey": made[0], "key": shown(made[1])}, 201)


@router.post("/{key_id}/rotate", status_code=201)
async def rotate_key(
    key_id: str, caller: UseCaller, use: UseServices, wanted: Rotation | None = None
) -> Response:
    """A new key in the place of one, which goes on for `overlapHours` (24)."""
    overlap_ms = (wanted or Rotation()).overlap_hours * HOUR_MS
    made = await use.directory.keys.rotate(caller.organization_id, key_id, overlap_ms)
    return as_json({"apiKey": made[0], "key": shown(made[1])}, 201)


@router.delete("/{key_id}", status_code=204)
async def remove_key(key_id: str, caller: UseCaller, use: UseServices) -> Response:
    """The key opens nothing from now on (within two seconds); its WebSockets are closed."""
    await use.directory.keys.remove(caller.organization_id, key_id)
    return Response(status_code=204)


def shown(key: ApiKey) -> dict[str, Any]:
    """As the API tells it; times are RFC 3339 or null."""
    times = {
        "createdAt": key.created_at_ms,
        "lastUsedAt": key.last_used_ms,
        "expiresAt": key.expires_at_ms,
    }
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "prefix": key.prefix,
        **{name: rfc3339(at_ms) if at_ms else None for name, at_ms in times.items()},
    }
