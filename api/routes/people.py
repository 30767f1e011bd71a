"""People who may open the pages, and the audit of what they did. Owners only."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.deps import UseCaller, UseServices
from api.login import Entry
from api.routes.integrations import as_json
from api.services import Services
from schemas.envelope import rfc3339
from streams.access import Role
from streams.people import MAX_TEXT, Person

router = APIRouter(prefix="/api", tags=["access"])

PersonRole = Literal["owner", "staff", "analyst"]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class NewPerson(BaseModel):
    """Somebody to be invited."""

    model_config = ConfigDict(extra="forbid")

    email: Text
    name: Text = ""
    role: PersonRole = "staff"


class PersonChange(BaseModel):
    """What is given is changed."""

    model_config = ConfigDict(extra="forbid")

    name: Text = ""
    role: PersonRole | None = None


@router.get("/people")
async def list_people(caller: UseCaller, use: UseServices) -> Response:
    """Everybody, by e-mail."""
    found = await use.people.list(caller.organization_id)
    return as_json({"people": [shown(person) for person in found]})


@router.post("/people", status_code=201)
async def invite_person(wanted: NewPerson, caller: UseCaller, use: UseServices) -> Response:
    """A new person, and the address where they set a password: once, within seven days."""
    person = await use.people.add(
        caller.organization_id, wanted.email, wanted.name, Role(wanted.role)
    )
    return as_json({"person": shown(person), "invitation": await invitation(use, person)}, 201)


@router.post("/people/{person_id}/invitation", status_code=201)
async def invite_again(person_id: str, caller: UseCaller, use: UseServices) -> Response:
    """A new address to set a password, for one that was lost or forgotten."""
    person = await use.people.get(caller.organization_id, person_id)
    return as_json({"person": shown(person), "invitation": await invitation(use, person)}, 201)


@router.patch("/people/{person_id}")
async def change_person(
    person_id: str, change: PersonChange, caller: UseCaller, use: UseServices
) -> Response:
    """Another name or role; a new role ends the person's sessions."""
    role = None if change.role is None else Role(change.role)
    person = await use.people.change(caller.organization_id, person_id, role=role, name=change.name)
    if role is not None:
        await use.sessions.close_all(person_id)
    return as_json(shown(person))


@router.delete("/people/{person_id}", status_code=204)
async def remove_person(person_id: str, caller: UseCaller, use: UseServices) -> Response:
    """They are signed out everywhere within five seconds."""
    await use.people.remove(caller.organization_id, person_id)
    await use.sessions.close_all(person_id)
    return Response(status_code=204)


@router.get("/audit")
async def list_audit(
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Who changed what, newest first; kept for 400 days."""
    rows, following = await use.audit.page(caller.organization_id, limit, cursor)
    return as_json({"audit": rows, "cursor": following or None})


async def invitation(use: Services, person: Person) -> str:
    """Where this person sets a password."""
    token = await use.sessions.invite(
        Entry(person.organization_id, person.role, person.id, person.email)
    )
    return f"{use.settings.base_url}/password?{urlencode({'token': token})}"


def shown(person: Person) -> dict[str, Any]:
    """As the API tells it."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "role": person.role.value,
        "hasPassword": person.has_password,
        "createdAt": rfc3339(person.created_at_ms),
        "lastLoginAt": rfc3339(person.last_login_ms) if person.last_login_ms else None,
    }
