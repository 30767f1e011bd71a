"""`/integrations/{id}`: what a first connection would change, who wins, how far the import is;
`/integrations/pair`: a code for the plugin; `/integrations/woocommerce/authorize`: the way to the
shop's own screen. Plain forms, so that all of it works without JavaScript."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices
from api.imports import Imports, shape
from api.pages.away import REACHABLE
from api.pages.i18n import N_, _
from api.pages.integrating import said
from api.pages.render import page
from api.pages.standing import NOTES, tab_values
from api.pages.visiting import UseVisitor
from api.pairing import Pairing
from api.routes.integrations import check_urls
from api.services import Services
from streams.upkeep import imports
from streams.upkeep.jobs import Jobs

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
ROWS = 50
RUNNING = ("queued", "running")
STEERS = {
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
    "failed": ("resume",),
}
"""State of an import to what may be asked of it."""
KIND_WORDS = {
    "differing": N_("Different"),
    "onlyHere": N_("Only in your app"),
    "onlyThere": N_("Only there"),
}
TYPE_WORDS = {
    "product": N_("Products"),
    "variation": N_("Variations"),
    "inventory": N_("Stock"),
    "order": N_("Orders"),
    "customer": N_("Customers"),
}


@router.post("/integrations/pair")
async def pair(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """Shows a new code, once."""
    pairing = Pairing(use.database, use.directory, use.settings.base_url)
    made = await pairing.code(caller.organization_id, use.clock_ms())
    name = await use.directory.name_of(caller.organization_id)
    base_url = use.settings.base_url
    return page(request, "paircode.html", organization=name, base_url=base_url, **made)


@router.post("/integrations/woocommerce/authorize")
async def approve(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    site_url: Annotated[str, Form(min_length=8, max_length=500)],
) -> Response:
    """The way to the shop's own screen, as a link: a form may not lead to another site."""
    pairing = Pairing(use.database, use.directory, use.settings.base_url)
    url, wrong = "", ""
    try:
        check_urls(use, {"site_url": site_url})
        url = await pairing.authorize_url(caller.organization_id, site_url)
    except Problem as error:
        wrong = said(error)
    name = await use.directory.name_of(caller.organization_id)
    shop = urlsplit(site_url).netloc if url else ""
    values = {"organization": name, "url": url, "shop": shop, "wrong": wrong}
    return page(request, "wooapprove.html", status=422 if wrong else 200, **values)


@router.get("/integrations/{integration_id}")
async def connection_page(
    request: Request,
    integration_id: str,
    caller: UseVisitor,
    use: UseServices,
    cursor: str = "",
    kind: str = "",
    note: str = "",
) -> Response:
    """One connection, from its preview to its import."""
    wanted = kind if kind in KIND_WORDS else ""
    values = await _values(use, caller, integration_id, cursor, wanted)
    return page(request, "connection.html", note=_(NOTES.get(note, "")), **values)


@router.post("/integrations/{integration_id}/preview")
async def look(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Begin a preview."""
    await Imports(use.database, use.directory).preview(caller.organization_id, integration_id)
    return RedirectResponse(f"/integrations/{integration_id}", SEE_OTHER)


@router.post("/integrations/{integration_id}/confirm")
async def confirm(
    integration_id: str,
    caller: UseCaller,
    use: UseServices,
    winner: Annotated[str, Form(max_length=40)],
) -> Response:
    """Who wins; the import begins."""
    found = Imports(use.database, use.directory)
    await found.confirm(caller.organization_id, integration_id, winner)
    return RedirectResponse(f"/integrations/{integration_id}", SEE_OTHER)


@router.post("/integrations/{integration_id}/import/{steer}")
async def steer_import(
    integration_id: str,
    steer: Literal["pause", "resume", "cancel"],
    caller: UseCaller,
    use: UseServices,
) -> Response:
    """Of the newest import."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    jobs = Jobs(use.database)
    newest = await jobs.newest(
        caller.organization_id, kind=imports.KIND, replica=entry.replica, limit=1
    )
    if newest:
        await jobs.steer(caller.organization_id, newest[0].id, steer)
    return RedirectResponse(f"/integrations/{integration_id}", SEE_OTHER)


async def _values(
    use: Services, caller: Caller, integration_id: str, cursor: str, kind: str
) -> dict[str, Any]:
    organization_id = caller.organization_id
    entry = await use.directory.integration(organization_id, integration_id)
    found = Imports(use.database, use.directory)
    try:
        preview = await found.shown(
            organization_id, integration_id, cursor=cursor, kind=kind, limit=ROWS
        )
    except Problem:
        preview = None
    jobs = await Jobs(use.database).newest(
        organization_id, kind=imports.KIND, replica=entry.replica, limit=1
    )
    job = shape(jobs[0]) if jobs else None
    busy = [one for one in (job, preview and preview["job"]) if one and one["state"] in RUNNING]
    tab = await tab_values(use, caller, entry)
    return {
        **tab,
        "figures": tab,
        "preview": preview,
        "job": job,
        "steers": STEERS.get(job["state"], ()) if job else (),
        "refresh": bool(busy),
        "kind": kind,
        "kinds": KIND_WORDS,
        "types": TYPE_WORDS,
    }
