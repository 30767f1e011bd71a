"""Problem documents (RFC 9457). Each says what is wrong (`detail`) and what to do (`help`).

Problem
├── Unauthorised 401     who you are is not clear: retry with a key
├── Forbidden 403        known, but not from there
├── NotFound 404         not there, or another organisation's
├── Conflict 409         changed meanwhile: read again, then retry
├── TooLarge 413
├── Malformed 400, Invalid 422
├── TooMany 429          retry after the seconds in Retry-After
└── Unavailable 503      retry after the seconds in Retry-After
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_problem.error import Problem, StatusProblem
from fastapi_problem.handler import ExceptionHandler, add_exception_handler, new_exception_handler
from pymongo.errors import PyMongoError
from starlette.requests import Request

from schemas.codec import Undecodable
from streams import integrations
from streams.kafka import PublishFailed

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 5
CONTENT_TYPE = "application/problem+json"


def unauthorised(detail: str = "No valid API key, session or signature came with this.") -> Problem:
    """401."""
    return Problem(
        "Not signed in",
        type_="unauthorised",
        status=401,
        detail=detail,
        help="Send `Authorization: Bearer <API key>` or `X-API-Key`; in a browser open the login "
        "link that `smartstore status` prints.",
        headers={"www-authenticate": "Bearer"},
    )


def bad_signature(detail: str, help_: str) -> Problem:
    """401 for a webhook."""
    return Problem("Bad signature", type_="bad-signature", status=401, detail=detail, help=help_)


def forbidden(detail: str, help_: str) -> Problem:
    """403."""
    return Problem("Not from there", type_="forbidden", status=403, detail=detail, help=help_)


def not_found(
    detail: str, help_: str = "Check the id; a list of yours tells what there is."
) -> Problem:
    """404, also for what is another organisation's."""
    return Problem("Not found", type_="not-found", status=404, detail=detail, help=help_)


def conflict(detail: str, help_: str, **extras: Any) -> Problem:
    """409."""
    return Problem(
        "Changed meanwhile", type_="conflict", status=409, detail=detail, help=help_, **extras
    )


def malformed(detail: str, help_: str = "Send valid JSON in UTF-8.") -> Problem:
    """400."""
    return Problem("Malformed", type_="malformed", status=400, detail=detail, help=help_)


def invalid(detail: str, help_: str) -> Problem:
    """422: well formed, but it cannot be."""
    return Problem("Invalid", type_="invalid", status=422, detail=detail, help=help_)


def too_large(limit: int) -> Problem:
    """413."""
    return Problem(
        "Too large",
        type_="too-large",
        status=413,
        detail=f"The body is larger than {limit} bytes.",
        help="Send less at once.",
        headers={"connection": "close"},
    )


def too_many(wait_s: int) -> Problem:
    """429."""
    return Problem(
        "Too many requests",
        type_="too-many-requests",
        status=429,
        detail="You ask more often than is allowed.",
        help=f"Wait {wait_s} seconds. SMARTSTORE_RATE_LIMIT sets how much a key may ask.",
        headers={"retry-after": str(wait_s)},
    )


def unavailable(detail: str) -> Problem:
    """503: nothing durable could take it, so nothing was taken."""
    return Problem(
        "Not available now",
        type_="unavailable",
        status=503,
        detail=detail,
        help=f"Nothing was done. Try again in {RETRY_AFTER_S} seconds; "
        "`smartstore doctor` tells what is down.",
        headers={"retry-after": str(RETRY_AFTER_S)},
    )


def body_of(problem: Problem) -> bytes:
    """The document as bytes, for answers made outside FastAPI."""
    return msgspec.json.encode(problem.marshal())


class _Unexpected(StatusProblem):
    """500. Says nothing of the inside; the server logs it."""

    type_ = "unexpected"
    title = "Unexpected error"

    def __init__(self, _detail: str | None = None, **_: Any) -> None:
        super().__init__(
            "Something we did not foresee went wrong.",
            help="Try again; if it stays, see the api's log (`smartstore status` tells where).",
        )


def _of_validation(_: ExceptionHandler, __: Request, error: RequestValidationError) -> Problem:
    """422 with every wrong field; the values sent are not repeated (they may be secrets)."""
    found = [
        {"loc": list(entry["loc"]), "msg": entry["msg"], "type": entry["type"]}
        for entry in error.errors()
    ]
    first = found[0] if found else {"loc": [], "msg": "not as expected"}
    where = ".".join(str(part) for part in first["loc"])
    return Problem(
        "Not as expected",
        type_="request-validation-failed",
        status=400 if any(entry["type"] == "json_invalid" for entry in found) else 422,
        detail=f"{where}: {first['msg']}",
        help="Correct the fields in `errors`; /openapi.json tells their shapes.",
        errors=found,
    )


def _of_directory(_: ExceptionHandler, __: Request, error: Exception) -> Problem:
    detail = str(error)
    match error:
        case integrations.NotFound():
            return not_found(detail)
        case integrations.Taken() | integrations.Stale():
            return conflict(detail, "Read it again, then repeat your change.")
        case _:
            return invalid(detail, "Correct it and send it again.")


def _of_store(_: ExceptionHandler, __: Request, error: Exception) -> Problem:
    log.warning("a store did not answer", error=repr(error))
    return unavailable("MongoDB or Kafka does not answer.")


def _of_body(_: ExceptionHandler, __: Request, error: Exception) -> Problem:
    return malformed(str(error))


def add_problems(app: FastAPI) -> None:
    """Every error of this application leaves as a problem document."""
    handler = new_exception_handler(
        handlers={
            integrations.DirectoryError: _of_directory,
            PyMongoError: _of_store,
            PublishFailed: _of_store,
            Undecodable: _of_body,
        },
        unhandled_wrappers={"default": _Unexpected},
        request_validation_handler=_of_validation,
    )
    add_exception_handler(app, handler)
    for kind in (integrations.DirectoryError, PyMongoError, PublishFailed, Undecodable):
        app.add_exception_handler(kind, handler)
