"""`GET /api/deadletters`, `GET /api/deadletters/{id}`, `POST /api/deadletters/{id}/retry`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.deps import UseCaller, UseServices
from api.errors import conflict, malformed, not_found
from api.shapes import to_json
from schemas.envelope import rfc3339
from streams.deadletter import Parked, list_letters, retry_letter, show_letter

router = APIRouter(prefix="/api/deadletters", tags=["dead letters"])


@router.get("")
async def list_dead_letters(
    caller: UseCaller,
    use: UseServices,
    stage: Annotated[str, Query(max_length=100)] = "",
    retried: bool = False,
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    organizationId: str | None = None,
) -> Response:
    """Newest first, those that were retried left out. `next` is empty at the end."""
    caller.check(organizationId)
    if cursor and not cursor.isdecimal():
        raise malformed(f"{cursor!r} is not a cursor.", "Take `next` as it was given.")
    found = await list_letters(
        use.database,
        caller.organization_id,
        before_ms=int(cursor) if cursor else None,
        stage=stage,
        retried=retried,
        limit=limit,
    )
    following = str(found[-1].letter.at_ms) if len(found) == limit else ""
    page = {"deadLetters": [_shape(parked) for parked in found], "next": following}
    return Response(to_json(page), media_type="application/json")


@router.get("/{letter_id:path}")
async def get_dead_letter(letter_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One of them, with what it holds."""
    parked = await show_letter(use.database, letter_id, caller.organization_id)
    if parked is None:
        raise not_found(f"There is no dead letter {letter_id}.")
    body = {**_shape(parked), "value": parked.letter.value, "headers": parked.letter.headers}
    return Response(to_json(body), media_type="application/json")


@router.post("/{letter_id:path}/retry", status_code=202)
async def retry_dead_letter(letter_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Send it again to where it came from. Safe to repeat: everything behind bears repeats."""
    done = await retry_letter(use.database, use.publisher, letter_id, caller.organization_id)
    if done is None:
        raise not_found(f"There is no dead letter {letter_id}.")
    if done.impossible:
        raise conflict(
            f"It cannot be sent again: {done.impossible[0][1]}.",
            "Correct it where it came from; POST /api/sync/force reads the entity again.",
        )
    return Response(to_json({"retried": True}), status_code=202, media_type="application/json")


def _shape(parked: Parked) -> dict[str, Any]:
    letter = parked.letter
    return {
        "id": letter.id,
        "topic": letter.topic,
        "key": letter.key,
        "reason": letter.reason,
        "stage": letter.stage,
        "at": rfc3339(letter.at_ms),
        "state": parked.state,
        "retries": parked.retries,
    }
