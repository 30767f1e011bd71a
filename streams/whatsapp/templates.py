"""Message templates as Meta last listed them: `ss_templates`, one document a connection.

    {_id: "org/replica", organizationId, replica, listedAtMs, trouble,
     templates: [{name, language, status, category, quality, body, ..., atMs}]}

Read from Meta once an hour and on demand; webhooks keep it right in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from connectors.errors import ConnectorError
from connectors.whatsapp.codes import Then
from connectors.whatsapp.templates import Template, shape
from schemas.clock import unix_ms
from streams.database import Database, Document
from streams.fresh import Fresh
from streams.whatsapp.sends import Sends

log = structlog.get_logger(__name__)

COLLECTION = "ss_templates"
FRESH_S = 2.0
OLD_MS = 3_600_000
AGAIN_MS = 60_000
"""After Meta could not be asked."""
_STATES = {Then.PAUSED: "PAUSED", Then.DISABLED: "DISABLED", Then.GONE: "MISMATCHED"}


class Lists(Protocol):
    """`connectors.whatsapp.client.WhatsAppClient`."""

    async def templates(self) -> list[Template]:
        """Raises ConnectorError."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a connection's templates. `templates` None: nobody could ask yet."""

    templates: tuple[Template, ...] | None
    listed_ms: int = 0
    trouble: str = ""


class Templates:
    """Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._rows = database[COLLECTION]
        self._sends = Sends(database, clock_ms)
        self._clock_ms = clock_ms
        self._known: Fresh[Known] = Fresh(FRESH_S, time.monotonic)
        self._asked_ms: dict[str, int] = {}

    async def known(self, organization_id: str, replica: str) -> Known:
        """As it was last listed."""
        place = f"{organization_id}/{replica}"

        async def find() -> Known:
            return read(await self._rows.find_one({"_id": place}))

        return await self._known.get(place, find)

    async def usable(self, organization_id: str, replica: str, client: Lists) -> Known:
        """The same, asked anew where it is old; what was known stays where Meta does not answer."""
        place = f"{organization_id}/{replica}"
        known, now_ms = await self.known(organization_id, replica), self._clock_ms()
        if now_ms - known.listed_ms < OLD_MS or now_ms - self._asked_ms.get(place, 0) < AGAIN_MS:
            return known
        self._asked_ms[place] = now_ms
        return await self.refresh(organization_id, replica, client)

    async def refresh(self, organization_id: str, replica: str, client: Lists) -> Known:
        """Ask Meta now. What it does not say is told as `trouble`."""
        now_ms = self._clock_ms()
        place = {"_id": f"{organization_id}/{replica}"}
        owner = {"organizationId": organization_id, "replica": replica}
        try:
            found = await client.templates()
        except ConnectorError as error:
            changes: Document = {**owner, "trouble": str(error)[:500]}
            log.info("templates could not be listed", organization=organization_id)
        else:
            told = [{**shape(one), "atMs": now_ms} for one in found]
            changes = {**owner, "templates": told, "listedAtMs": now_ms, "trouble": ""}
        await self._rows.update_one(place, {"$set": changes}, upsert=True)
        self._known.clear()
        if "templates" in changes:
            await self._sends.wake(organization_id, why="template")
        return await self.known(organization_id, replica)

    async def refused(
        self, organization_id: str, replica: str, name: str, language: str, then: Then
    ) -> None:
        """Meta would not send it: it is used no more until it is listed as approved again."""
        state = _STATES.get(then)
        if state is not None:
            await self._set(organization_id, replica, name, language, {"status": state})

    async def stale(self, organization_id: str, replica: str) -> None:
        """It is listed anew at the next occasion."""
        place = {"_id": f"{organization_id}/{replica}"}
        await self._rows.update_one(place, {"$set": {"listedAtMs": 0}})
        self._known.clear()

    async def _set(
        self,
        organization_id: str,
        replica: str,
        name: str,
        language: str,
        values: Mapping[str, Any],
    ) -> bool:
        changes = {**values, "atMs": self._clock_ms()}
        found = await self._rows.update_one(
            {"_id": f"{organization_id}/{replica}", "templates": {"$exists": True}},
            {"$set": {f"templates.$[one].{key}": value for key, value in changes.items()}},
            array_filters=[{"one.name": name, "one.language": language}],
        )
        self._known.clear()
        return found.modified_count > 0


async def apply_update(
    database: Database,
    organization_id: str,
    replica: str,
    field: str,
    value: Mapping[str, Any],
    at_ms: int,
    clock_ms: Callable[[], int] = unix_ms,
) -> bool:
    """News of a template by webhook (`field` as Meta names it). False for what is no news of a
    template that we know; older news than what is known changes nothing. Raises PyMongoError."""
    changes = _changes(field, value)
    name = str(value.get("message_template_name") or "")
    language = str(value.get("message_template_language") or "")
    if changes is None or not name or not language:
        return False
    place = {"_id": f"{organization_id}/{replica}"}
    match = {"one.name": name, "one.language": language, "one.atMs": {"$lte": at_ms}}
    assign = {f"templates.$[one].{key}": v for key, v in {**changes, "atMs": at_ms}.items()}
    update: Document = {"$set": assign}
    known = {"$elemMatch": {"name": name, "language": language}}
    if not changes or not await database[COLLECTION].find_one({**place, "templates": known}):
        # Its text has changed, or it is new to us: the list is read again.
        await database[COLLECTION].update_one(place, {"$set": {"listedAtMs": 0}})
        return True
    await database[COLLECTION].update_one(place, update, array_filters=[match])
    await Sends(database, clock_ms).wake(organization_id, why="template")
    return True


def _changes(field: str, value: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the news sets; None for news of something else."""
    match field:
        case "message_template_status_update":
            status = str(value.get("event") or "").upper()
            reason = str(value.get("reason") or "")
            found = {"status": status, "reason": "" if reason.upper() == "NONE" else reason}
            return found if status else None
        case "message_template_quality_update":
            score = str(value.get("new_quality_score") or "").upper()
            return {"quality": score} if score else None
        case "template_category_update":
            category = str(value.get("new_category") or "").upper()
            return {"category": category} if category else None
        case "message_template_components_update":
            return {}
    return None


def read(row: Document | None) -> Known:
    """The document as a value."""
    if row is None:
        return Known(None)
    listed: Sequence[Document] | None = row.get("templates")
    found = None if listed is None else tuple(_template(one) for one in listed)
    return Known(found, row.get("listedAtMs", 0), row.get("trouble", ""))


def _template(one: Document) -> Template:
    return Template(
        name=one["name"],
        language=one["language"],
        status=one["status"],
        category=one["category"],
        quality=one["quality"],
        body=one["body"],
        header=one["header"],
        parameters=one["parameters"],
        button_parameters=one["buttonParameters"],
        reason=one.get("reason", ""),
    )
