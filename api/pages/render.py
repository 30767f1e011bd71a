"""Templates, and the headers every page carries."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.routing import iter_route_contexts
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.pages import i18n, refusals, told
from api.pages.i18n import N_
from api.pages.words import WORDS, look_of
from schemas.envelope import rfc3339

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
    words = WORDS | LOCAL_WORDS | told.WORDS | refusals.WORDS
    found.filters.update({name: of_the_reader(word) for name, word in words.items()})
    found.globals.update(static=static_url, _=gettext, gettext=gettext, forms=i18n.forms)
    found.globals["kinds_of"] = look_of
    found.globals.update(ngettext=ngettext, language=i18n.language, zone=i18n.zone)
    found.globals.update(languages=i18n.LANGUAGES, short_languages=i18n.SHORT)
    return found


def of_the_reader(word: Callable[..., Any]) -> Callable[..., Any]:
    """The filter as one that Jinja asks whenever the page is shown. What it can work out while it
    reads a template (`{{ "mongodb"|replica }}`) it would keep, in the first reader's language."""

    @pass_context
    def asked(_context: Context, *values: Any) -> Any:
        return word(*values)

    return asked


def gettext(message: str, **values: Any) -> Markup:
    """For templates: the text is ours and may hold HTML, what is filled in is escaped."""
    text = Markup(i18n.gettext(message))  # noqa: S704 - from our own catalogues
    return text % values if values else text


def ngettext(one: str, other: str, number: int, **values: Any) -> Markup:
    """The same in singular or plural; `%(num)s` is the number."""
    text = Markup(i18n.plural(one, other, number))  # noqa: S704 - from our own catalogues
    return text % {"num": i18n.number_word(number), **values}


LOCAL_WORDS: dict[str, Callable[..., Any]] = {
    "clock": i18n.clock_word,
    "moment": i18n.moment_word,
    "day": i18n.day_word,
    "ago": i18n.ago_word,
    "number": i18n.number_word,
    "percent": i18n.percent_word,
    "currency": i18n.currency_word,
    "at": rfc3339,
}
NAVIGATION = (
    ("/sync", N_("Sync")),
    ("/integrations", N_("Integrations")),
    ("/events", N_("Events")),
    ("/conversations", N_("Conversations")),
    ("/shipments", N_("Shipments")),
    ("/analytics", N_("Analytics")),
    ("/alerts", N_("Alerts")),
    ("/people", N_("People")),
)
"""Pages and their names; those that are not served are not shown."""


def navigation(app: Starlette) -> list[tuple[str, str]]:
    """The links of the header: (address, name)."""
    served = {getattr(route, "path", "") for route in iter_route_contexts(app.routes)}
    return [(path, name) for path, name in NAVIGATION if path in served]


@lru_cache(maxsize=64)
def static_url(name: str) -> str:
    """The file's address; its content is in it, so a browser may keep it for a year."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page that loads nothing from elsewhere and may be framed by nobody."""
    links = navigation(request.app)
    html = templates().get_template(template).render(path=request.url.path, links=links, **values)
    host = urlsplit(f"//{request.headers.get('host', '')}").netloc
    scheme = "wss" if request.url.scheme == "https" else "ws"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self' data:; "
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
