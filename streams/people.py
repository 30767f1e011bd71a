"""People who may open the pages: `ss_people`, one row each, by e-mail.

{_id, organizationId, email, name, role, password (Argon2, "" before it is set), createdAtMs,
 lastLoginMs?}
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pwdlib import PasswordHash
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from schemas.clock import unix_ms
from streams.access import Role
from streams.database import Database, Document
from streams.integrations import Invalid, NotFound, Taken

SHORTEST, LONGEST = 10, 200
MOST_PEOPLE = 200
MAX_TEXT = 200
ROLES = (Role.OWNER, Role.STAFF, Role.ANALYST)


@dataclass(frozen=True, slots=True)
class Person:
    """What may be shown of a person."""

    id: str
    organization_id: str
    email: str
    name: str
    role: Role
    has_password: bool
    created_at_ms: int
    last_login_ms: int | None = None


class People:
    """Errors: DirectoryError, and PyMongo's own when the database is away."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._people = database["ss_people"]
        self._clock_ms = clock_ms

    async def list(self, organization_id: str) -> list[Person]:
        """By e-mail."""
        rows = self._people.find({"organizationId": organization_id}).sort("email")
        return [_person(row) for row in await rows.to_list()]

    async def get(self, organization_id: str, person_id: str) -> Person:
        """Raises NotFound."""
        row = await self._people.find_one({"_id": person_id, "organizationId": organization_id})
        if row is None:
            raise NotFound(f"There is no person {person_id}")
        return _person(row)

    async def add(self, organization_id: str, email: str, name: str, role: Role) -> Person:
        """Somebody who has no password yet. Raises Invalid, Taken."""
        place = _email(email)
        if role not in ROLES:
            raise Invalid("A person is an owner, staff or an analyst")
        if await self._people.count_documents({"organizationId": organization_id}) >= MOST_PEOPLE:
            raise Invalid(f"At most {MOST_PEOPLE} people to an organisation: remove somebody first")
        row: Document = {
            "_id": secrets.token_hex(8),
            "organizationId": organization_id,
            "email": place,
            "name": name.strip()[:MAX_TEXT],
            "role": role.value,
            "password": "",
            "createdAtMs": self._clock_ms(),
        }
        try:
            await self._people.insert_one(row)
        except DuplicateKeyError as error:
            raise Taken(f"{place} has an account already") from error
        return _person(row)

    async def change(
        self, organization_id: str, person_id: str, *, role: Role | None = None, name: str = ""
    ) -> Person:
        """Raises NotFound; Invalid where nobody with the owner's role would be left."""
        person = await self.get(organization_id, person_id)
        if role is not None and role not in ROLES:
            raise Invalid("A person is an owner, staff or an analyst")
        if person.role is Role.OWNER and role not in (None, Role.OWNER):
            await self._not_the_last(organization_id, person_id)
        values: Document = {"role": role.value} if role is not None else {}
        if name.strip():
            values["name"] = name.strip()[:MAX_TEXT]
        row = await self._people.find_one_and_update(
            {"_id": person_id, "organizationId": organization_id},
            {"$set": values or {"role": person.role.value}},
            return_document=ReturnDocument.AFTER,
        )
        return person if row is None else _person(row)

    async def remove(self, organization_id: str, person_id: str) -> Person:
        """Raises NotFound, Invalid."""
        person = await self.get(organization_id, person_id)
        if person.role is Role.OWNER:
            await self._not_the_last(organization_id, person_id)
        await self._people.delete_one({"_id": person_id, "organizationId": organization_id})
        return person

    async def set_password(self, organization_id: str, person_id: str, password: str) -> Person:
        """Raises Invalid for one that is too short or is the e-mail; NotFound."""
        person = await self.get(organization_id, person_id)
        if not SHORTEST <= len(password) <= LONGEST:
            raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters")
        if password.strip().lower() in (person.email, person.name.lower()):
            raise Invalid("A password must not be your name or e-mail")
        hashed = await asyncio.to_thread(_hasher().hash, password)
        await self._people.update_one({"_id": person_id}, {"$set": {"password": hashed}})
        return person

    async def verify(self, email: str, password: str) -> Person | None:
        """Who logs in, or None. Takes the same time for an unknown e-mail."""
        row = await self._people.find_one({"email": email.strip().lower()})
        kept = str((row or {}).get("password") or "") or _nobody()
        matches, better = await asyncio.to_thread(
            _hasher().verify_and_update, password[:LONGEST], kept
        )
        if row is None or not row.get("password") or not matches:
            return None
        values: Document = {"lastLoginMs": self._clock_ms()}
        if better:
            values["password"] = better
        await self._people.update_one({"_id": row["_id"]}, {"$set": values})
        return _person(row)

    async def _not_the_last(self, organization_id: str, person_id: str) -> None:
        others = {"organizationId": organization_id, "role": "owner", "_id": {"$ne": person_id}}
        if await self._people.find_one(others, {"_id": 1}) is None:
            raise Invalid("Somebody must stay the owner: make another person one first")


def _email(text: str) -> str:
    email = text.strip().lower()
    name, at, host = email.partition("@")
    if not (name and at and "." in host) or len(email) > MAX_TEXT or any(map(str.isspace, email)):
        raise Invalid("Give an e-mail address such as nimal@example.lk")
    return email


def _person(row: Document) -> Person:
    return Person(
        id=row["_id"],
        organization_id=row["organizationId"],
        email=row["email"],
        name=row.get("name", ""),
        role=Role(row["role"]),
        has_password=bool(row.get("password")),
        created_at_ms=row.get("createdAtMs", 0),
        last_login_ms=row.get("lastLoginMs"),
    )


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()  # Argon2id, the parameters of OWASP or better


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_hex(16))
