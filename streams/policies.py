"""An organisation's rules: which side wins, when a brake holds, what suggestions may do.

Every version is a row of `ss_policy_versions` that is inserted once and never changed; the newest
row holds. Two people who save at once meet in its `_id`, so exactly one of them is told to look
again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pymongo.errors import DuplicateKeyError

from schemas.clock import unix_ms
from schemas.policy import Brakes, Policies, Rule
from streams.database import Database, Document
from streams.fresh import Fresh
from streams.integrations import NotFound, Stale

FRESH_S = 2.0
"""How long a process goes on with the rules it read."""
AHEAD_MS = 3_000
"""New rules count from so much later on: every process has read them by then."""
TRIES = 5
_STALE = "The rules were changed meanwhile: read them again and repeat your change"

S = TypeVar("S", Rule, Brakes)


@dataclass(frozen=True)
class Version:
    """One saving of the rules."""

    policies: Policies
    saved_at_ms: int
    by: str


class Rulebook:
    """The rules of all organisations. Errors: DirectoryError, and PyMongo's own."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.monotonic,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._rows = database["ss_policy_versions"]
        self._clock_ms = clock_ms
        self._kept: Fresh[Policies] = Fresh(FRESH_S, clock)

    async def policies(self, organization_id: str) -> Policies:
        """The newest rules; none set: version 0, `newest` everywhere. At most FRESH_S old."""

        async def read() -> Policies:
            return (await self.newest(organization_id)).policies

        return await self._kept.get(organization_id, read)

    async def newest(self, organization_id: str) -> Version:
        """As it is now in the database."""
        found = await self.versions(organization_id, limit=1)
        return found[0] if found else Version(Policies(), 0, "")

    async def versions(
        self, organization_id: str, *, before: int | None = None, limit: int = 50
    ) -> list[Version]:
        """The newest first; `before`: only those below this version."""
        match: Document = {"organizationId": organization_id}
        if before is not None:
            match["version"] = {"$lt": before}
        rows = self._rows.find(match).sort("version", -1).limit(limit)
        return [_version(row) async for row in rows]

    async def save(
        self,
        organization_id: str,
        rules: Sequence[Rule],
        *,
        brakes: Brakes | None = None,
        automatic_at: float | None = None,
        expected: int | None = None,
        by: str = "",
    ) -> Policies:
        """Replace the rules; brakes and threshold only where they are given. `expected`: the
        version they were made from. Raises Stale."""
        for _ in range(TRIES):
            held = (await self.newest(organization_id)).policies
            if expected is not None and held.version != expected:
                break
            now_ms = self._clock_ms()
            saved = Policies(
                version=held.version + 1,
                rules=tuple(rules),
                brakes=held.brakes if brakes is None else brakes,
                automatic_at=held.automatic_at if automatic_at is None else automatic_at,
                effective_from_ms=now_ms + AHEAD_MS,
                before=held.rules,
            )
            try:
                await self._rows.insert_one(_row(organization_id, Version(saved, now_ms, by)))
            except DuplicateKeyError:
                continue  # somebody saved between our reading and writing
            finally:
                self._kept.clear()
            return saved
        raise Stale(_STALE)

    async def restore(self, organization_id: str, version: int, *, by: str = "") -> Policies:
        """Save what a version of before said, as a new one. Version 0: no rules at all. Raises
        NotFound, Stale."""
        found = Policies()
        if version:
            row = await self._rows.find_one({"_id": _place(organization_id, version)})
            if row is None:
                raise NotFound(f"There is no version {version} of the rules")
            found = _version(row).policies
        return await self.save(
            organization_id,
            found.rules,
            brakes=found.brakes,
            automatic_at=found.automatic_at,
            by=by,
        )


def with_rule(rules: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The rules with this one in the place of the one about the same, or at the end."""
    place = (rule.type, rule.field, rule.platform)
    kept = [found for found in rules if (found.type, found.field, found.platform) != place]
    return (*kept, rule)


def _place(organization_id: str, version: int) -> str:
    return f"{organization_id}/{version}"


def _row(organization_id: str, saved: Version) -> Document:
    policies = saved.policies
    return {
        "_id": _place(organization_id, policies.version),
        "organizationId": organization_id,
        "version": policies.version,
        "rules": [_named(rule) for rule in policies.rules],
        "brakes": _named(policies.brakes),
        "automaticAt": policies.automatic_at,
        "effectiveFromMs": policies.effective_from_ms,
        "before": [_named(rule) for rule in policies.before],
        "savedAtMs": saved.saved_at_ms,
        "by": saved.by,
    }


def _version(row: Document) -> Version:
    policies = Policies(
        version=row["version"],
        rules=tuple(_read(rule, Rule) for rule in row["rules"]),
        brakes=_read(row.get("brakes", {}), Brakes),
        automatic_at=float(row.get("automaticAt", 0.0)),
        effective_from_ms=int(row["effectiveFromMs"]),  # else bson's Int64
        before=tuple(_read(rule, Rule) for rule in row.get("before", [])),
    )
    return Version(policies, row["savedAtMs"], row.get("by", ""))


def _named(value: Rule | Brakes) -> dict[str, Any]:
    """Every name with its value, the defaults too: a default that changes later must not change
    what was saved."""
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _read(row: dict[str, Any], kind: type[S]) -> S:
    """Names this version does not know are passed by."""
    return kind(**{name: row[name] for name in kind.__struct_fields__ if name in row})
