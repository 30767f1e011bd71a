"""What a live client asks: one message, one answer."""

from __future__ import annotations

from typing import Any

from fastapi_problem.error import Problem
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from api.client import Client, Message, Subscription
from api.errors import forbidden, malformed, unavailable
from api.services import Services
from streams.access import Role
from streams.conflicts.words import Word
from streams.kafka import PublishFailed

CHANGES = ("forceSync", "resolveConflict", "undoConflict")


async def answered(use: Services, client: Client, text: str) -> dict[str, Any]:
    """The answer to one message; what is wrong with it is an answer too."""
    request_id = ""
    try:
        message = Message.model_validate_json(text)
        request_id = message.request_id
        return await _answer(use, client, message)
    except ValidationError as error:
        problem = malformed(error.errors()[0]["msg"], "docs/websocket.md tells what may be sent.")
        return _problem(request_id, problem)
    except Problem as problem:
        return _problem(request_id, problem)
    except (PyMongoError, PublishFailed):
        return _problem(request_id, unavailable("MongoDB or Kafka does not answer."))


async def _answer(use: Services, client: Client, message: Message) -> dict[str, Any]:
    """The answer to one command. Raises Problem, PyMongoError, PublishFailed."""
    named = {"requestId": message.request_id} if message.request_id else {}
    if message.type in CHANGES:
        return {**await _changed(use, client, message), **named}
    match message.type:
        case "ping":
            return {"type": "pong", **named}
        case "subscribe":
            client.wanted = message.subscribe or Subscription()
            return {"type": "subscribed", **named, "subscribe": client.wanted.model_dump()}
        case _:
            raise malformed("This connection is open already.", "Send connect once, first.")


async def _changed(use: Services, client: Client, message: Message) -> dict[str, Any]:
    """A command that changes something: for those who may, and written down."""
    caller, what = client.caller, f"WS {message.type}"
    target = message.conflict_id or f"{message.entity_type or ''}/{message.entity_id or ''}"
    if not caller.role.may(Role.STAFF):
        await use.audit.record(caller, what, target, 403)
        raise forbidden(
            f"This is for the role {Role.STAFF}; yours is {caller.role}.",
            "Ask an owner of the organisation for another role.",
        )
    try:
        answer = await _change(use, client, message)
    except Problem as problem:
        await use.audit.record(caller, what, target, problem.status)
        raise
    await use.audit.record(caller, what, target, 200)
    return answer


async def _change(use: Services, client: Client, message: Message) -> dict[str, Any]:
    match message.type:
        case "forceSync":
            if message.entity_id and not message.entity_type:
                raise malformed("entityId needs its entityType.", "Send both, or neither.")
            job = await use.forcing.begin(
                client.organization_id, message.entity_type, message.entity_id
            )
            return {"type": "forceSync", "job": job}
        case "resolveConflict":
            found = await use.conflicts.resolve(
                client.organization_id,
                message.conflict_id,
                Word(message.resolution, message.side, message.value),
                by=client.caller.by,
                candidates=message.candidates,
                version=message.version,
            )
            answer = {"accepted": True, "settled": found.settled, "conflict": found.conflict}
            return {"type": "resolveConflict", **answer}
        case _:
            found = await use.conflicts.undo(
                client.organization_id, message.conflict_id, by=client.caller.by
            )
            answer = {"accepted": True, "settled": found.settled, "conflict": found.conflict}
            return {"type": "undoConflict", **answer}


def _problem(request_id: str, problem: Problem) -> dict[str, Any]:
    named = {"requestId": request_id} if request_id else {}
    return {"type": "error", **named, "problem": problem.marshal()}
