"""`/login`, `/password`, `/logout`: by password, or by a one-time link."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from api.deps import Caller, UseCaller, UseServices, address_of, check_origin, find_caller
from api.login import COOKIE, SESSION_S, Entry
from api.pages.away import REACHABLE
from api.pages.i18n import _
from api.pages.render import page
from api.pages.visiting import FRONT, place_of
from api.pages.visiting import LONGEST as LONGEST_PLACE
from api.ratelimit import LOGINS
from api.services import Services
from streams.integrations import DirectoryError
from streams.people import LONGEST, SHORTEST

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
Text = Annotated[str, Form(max_length=300)]
Next = Annotated[str, Query(max_length=LONGEST_PLACE)]


@router.get("/login")
async def login(
    request: Request, use: UseServices, token: str = "", next: Next = FRONT
) -> Response:
    """A form; or exchange the one-time link for a session. The link opened again in the same
    browser goes on."""
    if token:
        cookie = await use.sessions.open(token)
        if cookie is not None:
            return _entered(request, use, cookie, next)
    if await find_caller(request, use) is not None:
        return RedirectResponse(place_of(next), SEE_OTHER)
    return _form(request, 401, used=bool(token), wanted=next)


@router.post("/login")
async def login_by_password(
    request: Request,
    use: UseServices,
    email: Text = "",
    password: Text = "",
    next: Annotated[str, Form(max_length=LONGEST_PLACE)] = FRONT,
) -> Response:
    """A session for who knows the password. Ten tries in a quarter of an hour for one e-mail, and
    from one address."""
    check_origin(request, use)
    address = address_of(request)
    await use.limits.hit(LOGINS, "login-address", address)
    await use.limits.hit(LOGINS, "login-email", email.strip().lower())
    person = await use.people.verify(email, password)
    if person is None:
        return _form(request, 401, wrong=True, email=email, wanted=next)
    entry = Entry(person.organization_id, person.role, person.id, person.email)
    cookie = await use.sessions.begin(entry)
    caller = Caller(entry.organization_id, "session", entry.role, entry.who)
    await use.audit.record(caller, "POST /login", "/login", SEE_OTHER, address)
    return _entered(request, use, cookie, next)


@router.get("/password")
async def password_form(request: Request, use: UseServices, token: str = "") -> Response:
    """Where somebody who was invited chooses a password. Looking does not use the link up."""
    entry = await use.sessions.invited(token)
    return _password(request, entry, token, "" if entry else "gone")


@router.post("/password")
async def set_password(
    request: Request, use: UseServices, token: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """The password is set, sessions that were open are ended, and this browser is let in."""
    check_origin(request, use)
    await use.limits.hit(LOGINS, "password", address_of(request))
    entry = await use.sessions.invited(token)
    if entry is None:
        return _password(request, None, token, "gone")
    if password != again:
        return _password(request, entry, token, _("The two passwords differ."))
    try:
        person = await use.people.set_password(entry.organization_id, entry.person_id, password)
    except DirectoryError as error:
        return _password(request, entry, token, str(error))
    await use.sessions.take_invitation(token)
    await use.sessions.close_all(person.id)
    now = Entry(person.organization_id, person.role, person.id, person.email)
    caller = Caller(now.organization_id, "session", now.role, now.who)
    await use.audit.record(caller, "POST /password", "/password", SEE_OTHER, address_of(request))
    return _entered(request, use, await use.sessions.begin(now))


@router.post("/logout")
async def logout(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """End the session; its live connections end within five seconds."""
    await use.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _form(
    request: Request,
    status: int,
    *,
    used: bool = False,
    wrong: bool = False,
    email: str = "",
    wanted: str = FRONT,
) -> Response:
    values = {"used": used, "wrong": wrong, "email": email, "next": place_of(wanted)}
    return page(request, "login.html", status, organization="", **values)


def _password(request: Request, entry: Entry | None, token: str, trouble: str) -> Response:
    return page(
        request,
        "password.html",
        400 if trouble else 200,
        entry=entry,
        token=token,
        trouble=trouble,
        shortest=SHORTEST,
        longest=LONGEST,
        organization="",
    )


def _entered(request: Request, use: Services, cookie: str, wanted: str = FRONT) -> Response:
    answer = RedirectResponse(place_of(wanted), SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or use.settings.production,
        path="/",
    )
    answer.headers["referrer-policy"] = "no-referrer"
    return answer
