"""`/people`: who may open the pages, API keys, and who changed what. Plain forms; owners only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices
from api.pages.away import REACHABLE
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.routes.keys import HOUR_MS
from api.routes.people import invitation
from api.services import Services
from streams.access import Role
from streams.integrations import DirectoryError

router = APIRouter(prefix="/people", include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
AUDIT_ROWS = 50
OVERLAP_HOURS = 24
RoleWord = Annotated[Literal["owner", "staff", "analyst"], Form()]
Text = Annotated[str, Form(max_length=200)]


@router.get("")
async def team_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Everybody, every key, and the newest changes."""
    return await _page(request, use, caller, cursor=cursor)


@router.post("")
async def invite(
    request: Request,
    caller: UseCaller,
    use: UseServices,
    role: RoleWord,
    email: Text,
    name: Text = "",
) -> Response:
    """Invite somebody; the page shows their address once."""
    try:
        person = await use.people.add(caller.organization_id, email, name, Role(role))
    except DirectoryError as error:
        return await _page(request, use, caller, 422, trouble=str(error))
    return await _page(request, use, caller, link=await invitation(use, person), person=person)


@router.post("/{person_id}/invitation")
async def invite_again(
    person_id: str, request: Request, caller: UseCaller, use: UseServices
) -> Response:
    """A new address, for who lost it or forgot the password."""
    person = await use.people.get(caller.organization_id, person_id)
    return await _page(request, use, caller, link=await invitation(use, person), person=person)


@router.post("/{person_id}/role")
async def change_role(
    person_id: str, request: Request, caller: UseCaller, use: UseServices, role: RoleWord
) -> Response:
    """Another role; their sessions end."""
    try:
        await use.people.change(caller.organization_id, person_id, role=Role(role))
    except DirectoryError as error:
        return await _page(request, use, caller, 422, trouble=str(error))
    await use.sessions.close_all(person_id)
    return RedirectResponse("/people", SEE_OTHER)


@router.post("/{person_id}/remove")
async def remove(person_id: str, request: Request, caller: UseCaller, use: UseServices) -> Response:
    """They are signed out everywhere."""
    try:
        await use.people.remove(caller.organization_id, person_id)
    except DirectoryError as error:
        return await _page(request, use, caller, 422, trouble=str(error))
    await use.sessions.close_all(person_id)
    return RedirectResponse("/people", SEE_OTHER)


@router.post("/keys/new")
async def make_key(
    request: Request, caller: UseCaller, use: UseServices, role: RoleWord, name: Text
) -> Response:
    """A key, shown this once."""
    try:
        api_key, _ = await use.directory.keys.add(caller.organization_id, name, Role(role))
    except DirectoryError as error:
        return await _page(request, use, caller, 422, trouble=str(error))
    return await _page(request, use, caller, api_key=api_key)


@router.post("/keys/{key_id}/rotate")
async def rotate_key(
    key_id: str, request: Request, caller: UseCaller, use: UseServices
) -> Response:
    """A new key; the old one goes on for a day."""
    overlap_ms = OVERLAP_HOURS * HOUR_MS
    api_key, _ = await use.directory.keys.rotate(caller.organization_id, key_id, overlap_ms)
    return await _page(request, use, caller, api_key=api_key)


@router.post("/keys/{key_id}/remove")
async def remove_key(key_id: str, caller: UseCaller, use: UseServices) -> Response:
    """It opens nothing from now on."""
    await use.directory.keys.remove(caller.organization_id, key_id)
    return RedirectResponse("/people#keys", SEE_OTHER)


async def _page(
    request: Request,
    use: Services,
    caller: Caller,
    status: int = 200,
    *,
    cursor: str = "",
    **told: Any,
) -> Response:
    values = {"trouble": "", "link": "", "person": None, "api_key": "", **told}
    organization = await use.directory.name_of(caller.organization_id)
    if caller.role is not Role.OWNER:
        return page(request, "people.html", 403, organization=organization, allowed=False)
    rows, following = await use.audit.page(caller.organization_id, AUDIT_ROWS, cursor)
    return page(
        request,
        "people.html",
        status,
        allowed=True,
        organization=organization,
        people=await use.people.list(caller.organization_id),
        keys=await use.directory.keys.list(caller.organization_id),
        audit=rows,
        following=following,
        now_ms=use.clock_ms(),
        **values,
    )
