"""Bare ASGI for the hot path: a raw body under a limit, and answers without a framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi_problem.error import Problem

from api.errors import CONTENT_TYPE, body_of, too_large

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_EMPTY = {"type": "http.response.body", "body": b""}


class Gone(Exception):
    """The caller hung up before the body was whole: nothing to answer."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case (ASGI promises it) to values."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The raw bytes. Raises the 413 problem where there are more than `limit`, Gone."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > limit):
            await _pour_away(receive, limit)
            raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            if message.get("more_body", False):
                await _pour_away(receive, limit)
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _pour_away(receive: Receive, most: int) -> None:
    """Read on, at most so much: a caller that still sends when we hang up sees a broken connection
    instead of the answer. Raises Gone."""
    size = 0
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            return


async def answer(
    send: Send, status: int, body: bytes = b"", content_type: bytes = b"application/json"
) -> None:
    """A whole answer."""
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers += [(b"content-type", content_type), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body} if body else _EMPTY)


async def answer_problem(send: Send, problem: Problem) -> None:
    """A problem document."""
    body = body_of(problem)
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", CONTENT_TYPE.encode()),
        (b"cache-control", b"no-store"),
    ]
    for name, value in (problem.headers or {}).items():
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
