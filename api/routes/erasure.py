"""`POST /api/erasure`: one customer's personal data, erased on request; `GET`: the proofs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Query as Ask
from pydantic import BaseModel, Field

from api.deps import UseCaller, UseServices
from api.errors import not_found, unavailable
from api.shapes import to_json
from schemas.envelope import rfc3339
from streams.archive.erasure import NobodyFound, begin, preview
from streams.archive.erasure_job import KIND
from streams.archive.erasures import Erasures
from streams.database import Document
from streams.upkeep.jobs import Jobs

router = APIRouter(prefix="/api/erasure", tags=["history"])


class Wanted(BaseModel):
    """Who is to be erased."""

    customer: str = Field(min_length=3, max_length=320)
    """Our id, a phone number or an e-mail address."""
    dryRun: bool = False
    """Only say what would be done."""


@router.post("", status_code=202)
async def erase(wanted: Wanted, caller: UseCaller, use: UseServices) -> Response:
    """Names, numbers, addresses and messages go from the archive, the views, the records and every
    platform that can be written; amounts stay. The answer names a job and the erasure, whose proof
    `GET /api/erasure/{id}` tells when it is done. It cannot be undone."""
    if use.history is None:
        raise unavailable("There is no archive here.")
    customer = wanted.customer.strip()
    try:
        if wanted.dryRun:
            found = await preview(use.history, caller.organization_id, customer)
            return _json(found, 200)
        person = await begin(use.history, caller.organization_id, customer)
    except NobodyFound as error:
        raise not_found(
            "There is nobody like that.", "Send the customer's id, phone or e-mail."
        ) from error
    job = await Jobs(use.database).queue(
        caller.organization_id,
        KIND,
        arguments={"erasureId": person.erasure, "by": f"api:{caller.by}"},
        alone=False,
    )
    told = {"erasureId": person.erasure, "jobId": job.id, "entities": person.counts()}
    return _json(told, 202)


@router.get("")
async def list_erasures(
    caller: UseCaller, use: UseServices, limit: Annotated[int, Ask(ge=1, le=200)] = 50
) -> Response:
    """What was erased, newest first; who it was is not known any more."""
    rows = await _erasures(use).proofs(caller.organization_id, limit)
    return _json({"erasures": [_shape(row) for row in rows]}, 200)


@router.get("/{erasure_id}")
async def show_erasure(erasure_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One with its proof."""
    row = await _erasures(use).proof(caller.organization_id, erasure_id)
    if row is None:
        raise not_found(f"There is no erasure {erasure_id}.")
    return _json({**_shape(row), "proof": row.get("proof")}, 200)


def _erasures(use: UseServices) -> Erasures:
    if use.history is None:
        raise unavailable("There is no archive here.")
    return Erasures(use.database, use.history.keyring)


def _shape(row: Document) -> dict[str, Any]:
    return {
        "erasureId": row["_id"],
        "customerIds": [name for name in row["customerId"].split(",") if name],
        "state": row["state"],
        "requestedAt": rfc3339(row["requestedAtMs"]),
        "doneAt": rfc3339(row["doneAtMs"]) if row["doneAtMs"] else None,
        "kafkaHoldsUntil": rfc3339(row["heldUntilMs"]),
    }


def _json(body: object, status: int) -> Response:
    return Response(to_json(body), status_code=status, media_type="application/json")
