"""The OpenAPI description: what FastAPI knows from the routes, and what it cannot: how a caller
shows who it is, what goes wrong, what operations answer that write their JSON themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from api.deps import caller
from api.docs.answers import ANSWERS, OTHER_CONTENT, STRUCTURES
from api.docs.examples import EXAMPLES
from api.docs.shapes import Schema, components, fields
from api.errors import CONTENT_TYPE
from api.login import COOKIE

DESCRIPTION = """\
Keeps products, orders, customers, stock and messages the same on all platforms of a shop.

Send `Authorization: Bearer <API key>` or `X-API-Key`; a browser's session counts too. An
organisation sees what is its own: anything else is not there (404). Errors are RFC 9457 problems;
`help` says what to do. Times are RFC 3339 in UTC, money is decimal text, ids are opaque.
Live events come over a WebSocket: /asyncapi.json.
"""
TAGS = {
    "events": "What happened, and saying what should be.",
    "live": "The way into the WebSocket.",
    "sync": "How the sync stands; reading everything again; comparing all platforms.",
    "conflicts": "What waits for a person, decisions and taking them back.",
    "policies": "Which side wins by itself.",
    "entities": "Items, their history, and why a value is what it is.",
    "links": "Which item of a platform is which.",
    "integrations": "Shops and numbers: connecting, trying, pausing.",
    "alerts": "What is wrong, and who is told of it.",
    "couriers": "Couriers and where parcels are.",
    "shipments": "Labels, parcels, manifests.",
    "cash on delivery": "What couriers collected and paid out.",
    "jobs": "What runs in the background.",
    "dead letters": "What could not be handled, and sending it again.",
    "webhooks": "What platforms send us; signed, without an API key.",
    "health": "Whether it works.",
}
SECURITY: Schema = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An organisation's API key."},
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
SIGNED_IN: list[Schema] = [{name: []} for name in SECURITY]
PROBLEM = fields(
    type={"type": "string", "description": "what kind of problem it is, stable"},
    title={"type": "string"},
    status={"type": "integer"},
) | {"description": "RFC 9457. `detail` says what is wrong here, `help` what to do about it."}
PROBLEMS = {
    "400": "What came could not be read.",
    "401": "No valid API key or session came with it.",
    "403": "This key may only read, or another site's page asked.",
    "404": "Not there, or another organisation's.",
    "409": "It has changed meanwhile; read it again.",
    "413": "Too large.",
    "422": "Well formed, but it cannot be.",
    "429": "More than SMARTSTORE_RATE_LIMIT allows; Retry-After says how long to wait.",
    "503": "A server of ours does not answer; nothing was done.",
}


def operation_id(route: APIRoute) -> str:
    """The function's name: `listEvents`. It is what generated clients call the operation, so a
    function that is renamed breaks them."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def add_description(app: FastAPI) -> None:
    """/openapi.json is complete. To be called after all that changes `openapi` itself."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own documentation does so


def describe(app: FastAPI) -> dict[str, Any]:
    """The description as a document."""
    found: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        summary="The HTTP interface of SmartStore Sync",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas |= {**components(STRUCTURES), "Problem": PROBLEM}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = SECURITY
    parts["responses"] = {code: _problem(text) for code, text in PROBLEMS.items()}
    for route, path, method in _operations(app):
        _complete(found["paths"][path][method], route, method)
    used = {tag for ops in found["paths"].values() for op in ops.values() for tag in op["tags"]}
    known = [name for name in TAGS if name in used]
    names = known + sorted(used - TAGS.keys())
    found["tags"] = [{"name": name, "description": TAGS.get(name, "")} for name in names]
    found["servers"] = [{"url": "/"}]
    return found


def _operations(app: FastAPI) -> Iterator[tuple[APIRoute, str, str]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                if method != "HEAD":
                    yield route, route.path_format, method.lower()


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    name = route.name
    signed_in = _needs_caller(route.dependant)
    if signed_in:
        operation["security"] = SIGNED_IN
    operation["tags"] = operation.get("tags") or ["other"]
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    operation["description"] = text
    operation["summary"] = _summary(name)
    answers = operation["responses"]
    success = next(code for code in answers if code.startswith("2"))
    answers[success]["description"] = "It worked."
    kinds = OTHER_CONTENT.get(name)
    if kinds:
        answers[success]["content"] = {kind: {"schema": {"type": "string"}} for kind in kinds}
    elif name in ANSWERS:
        answers[success]["content"] = {"application/json": {"schema": ANSWERS[name]}}
    elif answers[success].get("content") == {"application/json": {"schema": {}}}:
        answers[success]["content"]["application/json"]["schema"] = {"type": "object"}
    if name in ANSWERS and method == "post" and success in ("200", "202"):
        other = "202" if success == "200" else "200"
        answers[other] = {**answers[success], "description": "Under way, or done already."}
    for code in _problems_of(operation, method, signed_in):
        answers[code] = {"$ref": f"#/components/responses/{code}"}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and name in EXAMPLES:
        body["example"] = EXAMPLES[name]
    if name == "health":
        answers["503"] = {**answers[success], "description": "Nothing can be taken any more."}


def _problems_of(operation: dict[str, Any], method: str, signed_in: bool) -> list[str]:
    found = ["400", "422", "503"]
    if signed_in:
        found += ["401", "404", "429"]
        if method != "get":
            found += ["403", "409"]
    if "requestBody" in operation:
        found.append("413")
    return sorted(found)


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {CONTENT_TYPE: {"schema": schema}}}


def _needs_caller(dependant: Dependant) -> bool:
    return dependant.call is caller or any(_needs_caller(one) for one in dependant.dependencies)


def _summary(name: str) -> str:
    """`list_events` to `List events`."""
    return name.replace("_", " ").capitalize()
