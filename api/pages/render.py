"""Templates, and the headers every page carries."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.pages.words import WORDS

HERE = Path(__file__).parent
STATIC = HERE / "static"


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Everything is escaped; a missing name is an error, not an empty place."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(WORDS)
    found.globals["static"] = static_url
    return found


@lru_cache(maxsize=64)
def static_url(name: str) -> str:
    """The file's address; its content is in it, so a browser may keep it for a year."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page that loads nothing from elsewhere and may be framed by nobody."""
    html = templates().get_template(template).render(path=request.url.path, **values)
    host = urlsplit(f"//{request.headers.get('host', '')}").netloc
    scheme = "wss" if request.url.scheme == "https" else "ws"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {scheme}://{host}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(
        html,
        status_code=status,
        headers={
            "content-security-policy": policy,
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


def for_script(value: bytes) -> str:
    """JSON that is safe inside a `<script type="application/json">`."""
    text = json.dumps(json.loads(value), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
