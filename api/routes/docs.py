"""`/docs`, the interface as a page that needs no other server, and `/asyncapi.json`. What they tell
is in /openapi.json too; nothing of it is secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse

from api.docs.asyncapi import asyncapi

router = APIRouter(include_in_schema=False)

FILES = Path(__file__).parent.parent / "docs" / "static"
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>SmartStore Sync: API</title>
  <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/static/docs/swagger-ui.css">
</head>
<body>
<main id="api"></main>
<noscript>This page needs JavaScript; <a href="/openapi.json">openapi.json</a> tells the same.
</noscript>
<script src="/static/docs/swagger-ui-bundle.js"></script>
<script src="/static/docs/start.js"></script>
</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
async def docs() -> Response:
    """Every operation, to read and to try."""
    headers = {
        "content-security-policy": POLICY,
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(PAGE, headers=headers)


@router.get("/asyncapi.json")
async def asyncapi_json(request: Request) -> dict[str, Any]:
    """Topics and the WebSocket (AsyncAPI 3)."""
    return asyncapi(request.app.version)
