"""Held conflicts: found in the view, resolved on topic `resolutions`."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal, get_args

from api.errors import conflict, invalid, malformed, not_found
from api.shapes import LiveConflict, live_conflict
from schemas.codec import decode, encode
from schemas.envelope import Envelope, new_traceparent
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from schemas.topics import RESOLUTIONS
from streams.database import Database, Document
from streams.kafka import Outgoing
from streams.kafka.records import Publishes
from streams.views import row_id

Choice = Literal["local", "remote", "merge", "manual", "newest"]
CHOICES: tuple[str, ...] = get_args(Choice)


class Conflicts:
    """One organisation's at a time."""

    def __init__(
        self, database: Database, publisher: Publishes, clock_ms: Callable[[], int]
    ) -> None:
        self._rows = database["ss_conflicts"]
        self._publisher = publisher
        self._clock_ms = clock_ms

    async def page(
        self, organization_id: str, status: str, after: str, limit: int
    ) -> tuple[list[ConflictLine], str]:
        """Newest first, and the cursor behind the page (empty at the end). Raises 400."""
        match: Document = {"organizationId": organization_id}
        if status:
            match["status"] = status
        if after:
            opened, _, conflict_id = after.partition("-")
            if not opened.isdecimal() or len(opened) > 18:
                raise malformed(f"{after!r} is not a cursor.", "Take `next` as it was given.")
            place = row_id(organization_id, conflict_id)
            match["$or"] = [
                {"openedAtMs": {"$lt": int(opened)}},
                {"openedAtMs": int(opened), "_id": {"$lt": place}},
            ]
        rows = self._rows.find(match).sort([("openedAtMs", -1), ("_id", -1)]).limit(limit + 1)
        found = [decode(row["line"], ConflictLine) async for row in rows]
        if len(found) <= limit:
            return found, ""
        last = found[limit - 1]
        return found[:limit], f"{last.opened_at_ms}-{last.id}"

    async def get(self, organization_id: str, conflict_id: str) -> ConflictLine:
        """Raises 404."""
        row = await self._rows.find_one({"_id": row_id(organization_id, conflict_id)})
        if row is None:
            raise not_found(f"There is no conflict {conflict_id}.")
        return decode(row["line"], ConflictLine)

    async def resolve(
        self,
        organization_id: str,
        conflict_id: str,
        choice: str,
        *,
        by: str,
        value: Any = None,
        candidates: dict[str, Any] | None = None,
        version: int | None = None,
    ) -> LiveConflict:
        """Publish the decision; the same decision twice is one. What was seen is given by
        `candidates`, or by `version` (the view's), or is the view as it stands.
        Raises 404, 409 (the values have changed, or it is settled otherwise), 422 and
        PublishFailed."""
        if choice not in CHOICES:
            raise invalid(f"{choice!r} is not a resolution.", f"Use one of {', '.join(CHOICES)}.")
        line = await self.get(organization_id, conflict_id)
        shown = live_conflict(line)
        if line.status == "resolved":
            if line.resolution == choice and (choice != "manual" or line.value == value):
                return shown
            raise conflict(
                f"It was settled as {line.resolution or 'agreed'} already.",
                "Change the value itself where you want it different.",
                conflict=_plain(shown),
            )
        changed = candidates is not None and candidates != line.candidates
        if changed or (version is not None and version != line.version):
            raise conflict(
                "The values have changed since you looked.",
                "Look at the values in `conflict` and decide again.",
                conflict=_plain(shown),
            )
        if choice == "manual" and value is None and None not in line.candidates.values():
            raise invalid("A manual resolution needs a value.", 'Send "value".')
        await self._publisher.publish(self._record(line, choice, value, by))
        return shown

    def _record(self, line: ConflictLine, choice: str, value: Any, by: str) -> Outgoing:
        now_ms = self._clock_ms()
        told = encode([line.id, line.version, line.candidates, choice, value])
        resolution = Resolution(
            organization_id=line.organization_id,
            type=line.type,
            entity_id=line.entity_id,
            id=sha256(told).hexdigest()[:32],
            conflict_id=line.id,
            field=line.field,
            resolution=choice,  # type: ignore[arg-type]
            value=value,
            candidates=line.candidates,
            by=by,
            at_ms=now_ms,
        )
        envelope = Envelope(
            id=resolution.id,
            type="resolution.decided",
            source="api",
            organization_id=line.organization_id,
            subject=f"{line.type}/{line.entity_id}",
            time_ms=now_ms,
            traceparent=new_traceparent(),
        )
        return Outgoing(RESOLUTIONS, resolution.key, encode(resolution), envelope.headers())


def _plain(shown: LiveConflict) -> dict[str, Any]:
    plain: dict[str, Any] = decode(encode(shown), dict)
    return plain
