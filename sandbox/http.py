"""The thinnest layer over ASGI that the stand-ins need: Starlette's objects cost too much here."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

JSON_TYPE = (b"content-type", b"application/json; charset=UTF-8")
HTML_TYPE = (b"content-type", b"text/html")

Headers = list[tuple[bytes, bytes]]


class MalformedBody(Exception):
    """The body is not a JSON document of the form wanted; sending it again never helps."""


@dataclass(slots=True)
class Call:
    """One request, read to its end."""

    method: str
    path: str
    query_string: str
    headers: dict[bytes, bytes]
    body: bytes
    scheme: str
    _query: dict[str, str] | None = field(default=None)

    @property
    def query(self) -> dict[str, str]:
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True))
        return self._query

    @property
    def url(self) -> str:
        """The address as the caller wrote it, which is what OAuth signs."""
        host = self.headers.get(b"host", b"localhost").decode("latin-1")
        query = f"?{self.query_string}" if self.query_string else ""
        return f"{self.scheme}://{host}{self.path}{query}"

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    def json_object(self) -> dict[str, Any]:
        if not self.body:
            return {}
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise MalformedBody(str(error)) from error
        if not isinstance(value, dict):
            raise MalformedBody("a JSON object is expected")
        return value


@dataclass(slots=True)
class Answer:
    status: int
    content: bytes
    headers: Headers = field(default_factory=list)
    dropped: bool = False
    """The work is done but the connection breaks before the answer is complete."""


Handler = Callable[[Call], Awaitable[Answer]]


def json_answer(status: int, value: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    return Answer(status, orjson.dumps(value), [JSON_TYPE, *headers])


def html_answer(status: int, page: str) -> Answer:
    return Answer(status, page.encode(), [HTML_TYPE])


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def endpoint(handler: Handler) -> ASGIApp:
    """Make an ASGI application of a handler."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = Call(
            method=scope["method"],
            path=scope["path"],
            query_string=scope["query_string"].decode("latin-1"),
            headers=dict(scope["headers"]),
            body=await _read_body(receive),
            scheme=scope["scheme"],
        )
        answer = await handler(call)
        length = (b"content-length", str(len(answer.content)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answer.headers, length],
            }
        )
        if answer.dropped:
            # A server closes the connection when the application ends before the body does.
            return
        await send({"type": "http.response.body", "body": answer.content})

    return application
