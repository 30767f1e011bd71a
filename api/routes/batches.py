"""`/api/batches`: what a safety brake holds: look, apply or reject as a whole, take back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.deps import UseCaller, UseServices
from api.errors import malformed
from api.routes.conflicts import named
from api.shapes import to_json
from schemas.event import timestamp_ms

router = APIRouter(prefix="/api/batches", tags=["conflicts"])


class Reviewed(BaseModel):
    """What the person saw."""

    model_config = ConfigDict(extra="forbid")

    until: Annotated[str, StringConstraints(max_length=40)] = ""
    """`lastAt` of the batch as it was shown: what was held later waits for a look of its own."""
    by: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""

    def until_ms(self) -> int | None:
        """Raises 400."""
        if not self.until:
            return None
        try:
            return timestamp_ms(self.until)
        except ValueError as error:
            raise malformed(f"until: {error}", "Send the batch's lastAt.") from error


@router.get("")
async def list_batches(caller: UseCaller, use: UseServices) -> Response:
    """What is held now, and what was decided within a day."""
    return _answer(
        {
            "batches": await use.batches.open(caller.organization_id),
            "recent": await use.batches.recent(caller.organization_id),
        }
    )


@router.post("/{batch_id:path}/undo", status_code=202)
async def undo_batch(batch_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Take back a decided batch, by its `actionId`."""
    many = await use.batches.undo(caller.organization_id, batch_id, by=caller.by)
    return _answer(many.shape(), 202)


@router.post("/{batch_id:path}/{word}", status_code=202)
async def decide_batch(
    batch_id: str,
    word: Literal["apply", "reject"],
    caller: UseCaller,
    use: UseServices,
    seen: Reviewed | None = None,
) -> Response:
    """Take the platform's values, or keep what stands, for the whole batch. A job; follow it at
    `GET /api/conflicts/actions/{actionId}`."""
    seen = seen or Reviewed()
    many = await use.batches.decide(
        caller.organization_id,
        batch_id,
        word,
        by=named(caller, seen.by),
        until_ms=seen.until_ms(),
    )
    return _answer(many.shape(), 202)


@router.get("/{batch_id:path}")
async def get_batch(
    batch_id: str,
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=700)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """One batch with a page of its items, before and after."""
    return _answer(await use.batches.one(caller.organization_id, batch_id, cursor, limit))


def _answer(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status_code=status, media_type="application/json")
