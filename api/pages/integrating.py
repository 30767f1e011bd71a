"""`/integrations`: what is connected and how it is; adding, changing, pausing, removing, testing a
connection. Plain forms; `integration.js` copies addresses and waits for the first event."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi_problem.error import Problem
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from api.activity import days_of
from api.channels import channels, examined, hang_up
from api.couriers import CourierDesk
from api.deps import Caller, UseCaller, UseServices
from api.events import Search, search_events
from api.pages import forms
from api.pages.away import REACHABLE, away
from api.pages.i18n import _
from api.pages.render import page
from api.pages.standing import (
    LOCAL,
    NOTES,
    checks_of,
    day_values,
    has_come,
    plain_state,
    state_of,
    tab_values,
    token_values,
)
from api.pages.visiting import UseVisitor
from api.pages.words import replica_word
from api.routes.integrations import check_urls
from api.services import Services
from connectors.couriers.registry import UnknownCourier
from connectors.couriers.service import CourierToAdd
from schemas.envelope import rfc3339
from streams.directory import DirectoryError, Integration
from streams.tokens import Tokens

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303


@router.get("/integrations")
async def integrations_page(
    request: Request, caller: UseVisitor, use: UseServices, note: str = ""
) -> Response:
    """A card each."""
    try:
        found = await use.directory.integrations(caller.organization_id)
        days = await days_of(use.database, caller.organization_id, use.clock_ms())
        told = await channels(use.database, caller.organization_id)
        checks = await checks_of(use, caller.organization_id)
        ends = await Tokens(use.database).known(
            await use.directory.connections(caller.organization_id)
        )
        name = await use.directory.name_of(caller.organization_id)
    except PyMongoError:
        return away(request)
    cards = [
        {
            "entry": entry,
            "state": state_of(entry, checks.get(entry.replica), has_come(entry, days, told)),
            "detail": checks[entry.replica].detail if entry.replica in checks else "",
            "token_end": token_values(ends.get(entry.replica), use.clock_ms()),
            **day_values(days.get(entry.replica)),
        }
        for entry in found
    ]
    database = await use.checks.database()
    app_card = {"state": plain_state(database), **day_values(days.get(LOCAL))}
    return page(
        request,
        "integrations.html",
        organization=name,
        cards=cards,
        app_card=app_card,
        note=_(NOTES.get(note, "")),
    )


@router.get("/integrations/add")
async def choose_page(request: Request, caller: UseVisitor, use: UseServices) -> Response:
    """Which platform."""
    name = await use.directory.name_of(caller.organization_id)
    return page(request, "choose.html", organization=name, couriers=forms.ready_couriers())


@router.get("/integrations/add/{platform}")
async def add_page(
    request: Request, platform: str, caller: UseVisitor, use: UseServices, courier: str = ""
) -> Response:
    """The fields of one platform."""
    return await _add_form(request, use, caller, platform, courier, {}, "")


@router.post("/integrations/add/{platform}")
async def add(
    request: Request, platform: str, caller: UseCaller, use: UseServices, courier: str = ""
) -> Response:
    """Connect it; what is wrong is said beside the form, where everything but secrets is kept."""
    async with request.form(max_fields=80, max_part_size=300_000) as form:
        settings, secrets = read_form(form)
        try:
            check_urls(use, settings)
            made = await _made(use, caller, platform, courier, settings, secrets)
        except (Problem, DirectoryError, ValidationError) as error:
            return await _add_form(
                request, use, caller, platform, courier, settings, said(error), 422
            )
    return RedirectResponse(f"/integrations/{made}?note=made", SEE_OTHER)


async def _made(
    use: Services,
    caller: Caller,
    platform: str,
    courier: str,
    settings: dict[str, str],
    secrets: dict[str, str],
) -> str:
    """The new connection's id. Raises Problem, DirectoryError, ValidationError."""
    organization_id = caller.organization_id
    if platform == forms.COURIER:
        given = CourierToAdd.model_validate(
            {
                "code": courier or settings.pop("code", ""),
                "profile": settings.pop("profile", ""),
                "name": settings.pop("name", ""),
                "settings": settings,
                "secrets": secrets,
                "organizationId": organization_id,
            }
        )
        return (await CourierDesk(use, organization_id).add(given)).id
    taken = {one.replica for one in await use.directory.integrations(organization_id)}
    replica = next(
        name
        for name in (platform, *(f"{platform}:{n}" for n in range(2, 200)))
        if name not in taken
    )
    made = await use.directory.connect(organization_id, platform, settings, secrets, True, replica)
    return made.id


@router.get("/integrations/{integration_id}/timeline")
async def timeline_page(
    request: Request, integration_id: str, caller: UseVisitor, use: UseServices, cursor: str = ""
) -> Response:
    """What happened there, newest first."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    search = Search(replica=entry.replica)
    results = await search_events(use, caller.organization_id, search, cursor)
    values = await tab_values(use, caller, entry)
    return page(request, "timeline.html", found=results, role=caller.role, **values)


@router.get("/integrations/{integration_id}/settings")
async def settings_page(
    request: Request, integration_id: str, caller: UseVisitor, use: UseServices, note: str = ""
) -> Response:
    """Its fields; secrets only as their last letters."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    return await _settings(request, use, caller, entry, _(NOTES.get(note, "")), "")


@router.post("/integrations/{integration_id}/settings")
async def save(
    request: Request, integration_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """Settings as they are in the form; secrets only where a new one was typed."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    async with request.form(max_fields=80, max_part_size=300_000) as form:
        settings, secrets = read_form(form)
    try:
        check_urls(use, settings)
        if entry.platform == forms.COURIER:
            desk = CourierDesk(use, caller.organization_id)
            await desk.change(entry.settings.get("courier", ""), settings, secrets, None)
        else:
            await use.directory.change(
                caller.organization_id, integration_id, settings=settings, secrets=secrets
            )
    except (Problem, DirectoryError, ValidationError) as error:
        return await _settings(request, use, caller, entry, "", said(error), 422)
    return RedirectResponse(f"/integrations/{integration_id}/settings?note=saved", SEE_OTHER)


@router.post("/integrations/{integration_id}/former/{name}")
async def end_former(
    integration_id: str, name: str, caller: UseCaller, use: UseServices
) -> Response:
    """What is signed with the secret of before is refused from now on."""
    await use.directory.end_former(caller.organization_id, integration_id, name)
    return RedirectResponse(f"/integrations/{integration_id}/settings?note=ended", SEE_OTHER)


@router.post("/integrations/{integration_id}/switch/{switch}")
async def switch_connection(
    integration_id: str, switch: Literal["pause", "resume"], caller: UseCaller, use: UseServices
) -> Response:
    """Pause it, or go on."""
    await use.directory.change(caller.organization_id, integration_id, active=switch == "resume")
    note = "resumed" if switch == "resume" else "paused"
    return RedirectResponse(f"/integrations/{integration_id}?note={note}", SEE_OTHER)


@router.post("/integrations/{integration_id}/remove")
async def remove(
    integration_id: str,
    caller: UseCaller,
    use: UseServices,
    name: Annotated[str, Form(max_length=100)],
) -> Response:
    """Forget it and its keys, once its name was typed."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    if name.strip().casefold() != replica_word(entry.replica).casefold():
        return RedirectResponse(f"/integrations/{integration_id}/settings?note=name", SEE_OTHER)
    connection = await use.directory.connection(caller.organization_id, entry.replica)
    await use.directory.remove(caller.organization_id, integration_id)
    if connection is not None:
        await hang_up(use.database, connection)
    return RedirectResponse("/integrations?note=removed", SEE_OTHER)


@router.post("/integrations/{integration_id}/test")
async def test_page(
    request: Request, integration_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """Every probe with its time and, where it fails, what helps."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    connection = await use.directory.connection(caller.organization_id, entry.replica)
    findings = await examined(use, connection) if connection is not None else []
    values = await tab_values(use, caller, entry)
    return page(request, "tested.html", findings=findings, **values)


@router.get("/integrations/{integration_id}/heard")
async def heard(
    request: Request, integration_id: str, caller: UseCaller, use: UseServices
) -> Response:
    """The line "waiting for the first event", alone: for the script that waits with it."""
    entry = await use.directory.integration(caller.organization_id, integration_id)
    values = await tab_values(use, caller, entry)
    return page(request, "heard.html", **values)


def read_form(form: FormData) -> tuple[dict[str, str], dict[str, str]]:
    """Settings as they stand, empty ones too (they remove); secrets only where one was typed."""
    settings, secrets = {}, {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            continue
        kind, _dot, field = name.partition(".")
        if kind == "setting":
            settings[field] = value.strip()
        elif kind == "secret" and value.strip():
            secrets[field] = value.strip()
    return settings, secrets


def said(error: Exception) -> str:
    """What is wrong and what helps, as text."""
    if isinstance(error, Problem):
        told = error.marshal()
        return " ".join(str(told[name]) for name in ("detail", "help") if told.get(name))
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


async def _add_form(
    request: Request,
    use: Services,
    caller: Caller,
    platform: str,
    courier: str,
    settings: dict[str, str],
    wrong: str,
    status: int = 200,
) -> Response:
    name, fields = replica_word(platform), forms.PLATFORMS.get(platform, ())
    if platform == forms.COURIER and courier:
        try:
            name, fields = forms.courier_fields(courier)
        except UnknownCourier:
            return RedirectResponse("/integrations/add", SEE_OTHER)
    elif platform == forms.COURIER:
        name, fields = _("Another courier"), (forms.NAME, forms.CODE, forms.PROFILE)
    if not fields:
        return RedirectResponse("/integrations/add", SEE_OTHER)
    return page(
        request,
        "add.html",
        status,
        organization=await use.directory.name_of(caller.organization_id),
        name=name,
        platform=platform,
        courier=courier,
        fields=fields,
        settings=settings,
        wrong=wrong,
        base_url=use.settings.base_url,
        organization_id=caller.organization_id,
    )


async def _settings(
    request: Request,
    use: Services,
    caller: Caller,
    entry: Integration,
    note: str,
    wrong: str,
    status: int = 200,
) -> Response:
    values = await tab_values(use, caller, entry)
    fields = forms.fields_of(entry.platform, dict(entry.settings))
    return page(
        request,
        "settings.html",
        status,
        fields=fields,
        formers=[
            (field, rfc3339(entry.secrets[field.name].former_until_ms))
            for field in fields
            if field.name in entry.secrets and entry.secrets[field.name].former_until_ms
        ],
        note=note,
        wrong=wrong,
        hints={
            name: {"hint": hint.hint, "at": rfc3339(hint.replaced_at_ms)}
            for name, hint in entry.secrets.items()
        },
        **values,
    )
