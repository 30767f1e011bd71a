"""Pure: one command and the document as it is now, to one conditional operation of MongoDB.

An operation's filter holds the raw values just read (whatever their types are) and the last
operation of ours, so it matches exactly while the document still holds what the command expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import DeleteOne, InsertOne, UpdateOne

from connectors.errors import Malformed
from connectors.mongodb.mapping import (
    SYNC,
    VARIANTS,
    escaped,
    mark_of,
    seen_of,
    split_variation,
    variants_of,
    variation_id,
    variation_seen,
)
from connectors.mongodb.settings import Shape
from connectors.mongodb.stored import id_value, id_values, stored
from connectors.protocol import Answer, StateCommand
from schemas.base import Operation
from schemas.command import Create, Delete, Read, Write
from schemas.observation import Mark, Seen

Document = Mapping[str, Any]
Change = UpdateOne | InsertOne[dict[str, Any]] | DeleteOne


@dataclass
class Job:
    """One command on its way. `want` and `expected` speak of the platform's own ids."""

    command: StateCommand
    collection: str
    document_id: str
    """External id of the document (a variation's is its product's)."""
    sku: str = ""
    """Of a variation."""
    want: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    before: Document | None = None
    answer: Answer | None = None
    done: bool = False
    """Matched, or found done before."""
    reason: str = ""

    @property
    def external_id(self) -> str:
        """Of the entity."""
        return variation_id(self.document_id, self.sku) if self.sku else self.document_id

    @property
    def ids(self) -> list[Any]:
        """What `_id` may be."""
        return id_values(self.document_id)


class Writer:
    """Makes operations for one organisation's collections."""

    def __init__(self, shape: Shape, organization_id: str) -> None:
        self._shape = shape
        self._organization_id = organization_id

    def seen(self, job: Job, document: Document | None, as_of: int) -> Seen:
        """What the document tells of the job's entity. Raises Malformed."""
        if document is not None and not job.sku:
            return seen_of(self._shape, job.command.type, document, as_of=as_of)
        for sku, element in variants_of(document or {}):
            if sku == job.sku:
                return variation_seen(self._shape, document or {}, sku, element, as_of=as_of)
        return Seen(external_id=job.external_id, exists=False, as_of=as_of)

    def change(self, job: Job) -> Change | None:
        """The operation, or None where there is nothing to do: then the job says why."""
        command, before = job.command, job.before
        if isinstance(command, Read):
            job.done = True
            return None
        try:
            seen = self.seen(job, before, 0)
        except Malformed as error:
            job.answer = Answer("failed", reason=str(error))
            return None
        if isinstance(command, Create):
            return self._create(job, seen)
        if not seen.exists or before is None:
            return None
        if seen.mark is not None and seen.mark.op == command.op:
            job.done = True
            return None
        job.reason = _refusal(job, seen, command.after)
        if job.reason:
            return None
        return (
            self._delete(job, before) if isinstance(command, Delete) else self._write(job, before)
        )

    def _create(self, job: Job, seen: Seen) -> Change | None:
        command = job.command
        if seen.exists:
            job.done = True  # its id is made from the entity's: this is the item
            return None
        mark = self._mark(job)
        if job.sku:
            return self._create_variation(job, mark)
        document: dict[str, Any] = {
            "_id": id_value(job.document_id),
            "organizationId": self._organization_id,
        }
        names = self._shape.names[command.type]
        for name, value in job.want.items():
            if value is not None:
                document[names.get(name, name)] = stored(command.type, name, value, None)
        document[SYNC] = mark
        return InsertOne(document)

    def _create_variation(self, job: Job, mark: Document) -> Change | None:
        if job.before is None:
            job.answer = Answer("retry", reason="its product is not there yet", retry_after_s=2.0)
            return None
        names = self._shape.names["variation"]
        element = {
            names.get(name, name): stored("variation", name, value, None)
            for name, value in job.want.items()
            if value is not None and name != "parentId"
        }
        held = job.before.get(VARIANTS)
        where = self._where(job.before)
        update: dict[str, Any] = {"$set": self._marks(job, job.before, mark)}
        if isinstance(held, list):
            where[f"{VARIANTS}.sku"] = {"$ne": job.sku}
            update["$push"] = {VARIANTS: element}
        else:
            where[VARIANTS] = held
            update["$set"][VARIANTS] = [element]
        return UpdateOne(where, update)

    def _write(self, job: Job, before: Document) -> Change:
        where, current, prefix = self._expecting(job, before)
        entity_type, names = job.command.type, self._shape.names[job.command.type]
        assign = {
            prefix + names.get(name, name): stored(
                entity_type, name, value, current.get(names.get(name, name))
            )
            for name, value in job.want.items()
        }
        return UpdateOne(where, {"$set": {**assign, **self._marks(job, before, self._mark(job))}})

    def _delete(self, job: Job, before: Document) -> Change:
        where, current, _ = self._expecting(job, before)
        if not job.sku:
            return DeleteOne(where)
        place = f"{SYNC}.{VARIANTS}.{escaped(job.sku)}"
        return UpdateOne(
            where, {"$pull": {VARIANTS: {"sku": current["sku"]}}, "$unset": {place: ""}}
        )

    def _where(self, before: Document) -> dict[str, Any]:
        return {"_id": before["_id"], "organizationId": self._organization_id}

    def _expecting(self, job: Job, before: Document) -> tuple[dict[str, Any], Document, str]:
        """The filter, the raw element that holds the fields, and the path to them."""
        where = self._where(before)
        names = self._shape.names[job.command.type]
        wanted = [names.get(name, name) for name in (job.want or job.expected)]
        sync = before.get(SYNC)
        if not job.sku:
            for name in wanted:
                where[name] = _equals(before.get(name))
            where[f"{SYNC}.op"] = _equals(sync.get("op") if isinstance(sync, Mapping) else None)
            return where, before, ""
        element = next(element for sku, element in variants_of(before) if sku == job.sku)
        matching = {name: _equals(element.get(name)) for name in wanted if name != "parentId"}
        where[VARIANTS] = {"$elemMatch": {**matching, "sku": element["sku"]}}
        marks = sync.get(VARIANTS) if isinstance(sync, Mapping) else None
        held = marks.get(escaped(job.sku)) if isinstance(marks, Mapping) else None
        op = held.get("op") if isinstance(held, Mapping) else None
        where[f"{SYNC}.{VARIANTS}.{escaped(job.sku)}.op"] = _equals(op)
        return where, element, f"{VARIANTS}.$."

    def _mark(self, job: Job) -> dict[str, Any]:
        command = job.command
        if isinstance(command, Read):
            raise TypeError("a read leaves no mark")
        op = list(command.op)
        totals = {} if isinstance(command, Delete) else command.totals
        fields: dict[str, Any] = {}
        want = {} if isinstance(command, Delete) else command.want
        for name, value in want.items():  # as our ids say it, so that it compares with ours again
            fields[name] = {"op": op, "value": value}
            if name in totals:
                fields[name]["total"] = totals[name]
        return {"op": op, "fields": fields}

    def _marks(self, job: Job, before: Document, mark: Document) -> dict[str, Any]:
        """What to set so that the marks of other fields stay. An unreadable mark is replaced."""
        sync = before.get(SYNC)
        if SYNC in before and not isinstance(sync, Mapping):
            whole = {VARIANTS: {escaped(job.sku): mark}} if job.sku else mark
            return {SYNC: whole}
        held: Any = sync or {}
        path = SYNC
        for part in (VARIANTS, escaped(job.sku)) if job.sku else ():
            path = f"{path}.{part}"
            if part in held and not isinstance(held[part], Mapping):
                return {f"{SYNC}.{VARIANTS}": {escaped(job.sku): mark}}
            held = held.get(part, {})
        if not isinstance(held.get("fields", {}), Mapping):
            return {f"{path}.op": mark["op"], f"{path}.fields": mark["fields"]}
        fields = {f"{path}.fields.{name}": told for name, told in mark["fields"].items()}
        return {f"{path}.op": mark["op"], **fields}

    def held_mark(self, job: Job, document: Document | None) -> Mark | None:
        """The entity's mark in a document, whatever the rest of it is."""
        sync = (document or {}).get(SYNC)
        if job.sku and isinstance(sync, Mapping):
            marks = sync.get(VARIANTS)
            sync = marks.get(escaped(job.sku)) if isinstance(marks, Mapping) else None
        return mark_of(sync)

    def job(self, command: StateCommand, document_id: str, sku: str) -> Job:
        """A job without its values."""
        return Job(command, self._shape.collection(command.type), document_id, sku)


def place_of(command: Write | Delete | Read) -> tuple[str, str]:
    """Document id and SKU (of a variation). Raises Malformed."""
    if command.type == "variation":
        return split_variation(command.external_id)
    return command.external_id, ""


def _equals(raw: Any) -> Any:
    """Null matches absent too; anything else exactly, operators in a value being no operators."""
    return None if raw is None else {"$eq": raw}


def _refusal(job: Job, seen: Seen, after: Operation | None) -> str:
    """Why a write or delete must not be tried: `after`, `expected`, or nothing."""
    held = seen.mark.op if seen.mark else None
    if held != after:
        return "after"
    for name in job.want or job.expected:
        if seen.fields.get(name) != job.expected.get(name):
            return "expected"
    return ""
