"""`/api/conflicts`: what waits for a person, what was decided, deciding it and taking it back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from api.conflicts import Settled
from api.deps import Caller, UseCaller, UseServices
from api.errors import malformed
from api.shapes import to_json
from schemas.event import timestamp_ms
from streams.conflicts.bulk import MOST_IDS, Task
from streams.conflicts.rows import Filter
from streams.conflicts.words import UNDO, Choice, Word

router = APIRouter(prefix="/api/conflicts", tags=["conflicts"])

Short = Annotated[str, StringConstraints(max_length=100)]
Brake = Literal["stock", "price", "deletes", "any", "none", ""]
ACCEPTED, OK = 202, 200


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    by: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    """Who decides, as your own program knows them."""


class Decision(_Sent):
    """What a person decided, and what they saw."""

    resolution: Choice
    side: Short = ""
    """For `keep`: one of the candidates' names."""
    value: Any = None
    """For `manual`."""
    candidates: dict[str, Any] | None = None
    """The values that were shown, by replica; else `version`; else the values as they are now."""
    version: Annotated[int, Field(ge=0)] | None = None
    always: bool = False
    """Make it a rule for this field between these platforms."""


class Which(BaseModel):
    """Open conflicts; what is left out does not count."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    type: Short = ""
    field: Short = ""
    brake: Brake = "none"
    replica: Short = ""
    opened_before: Short = ""
    """RFC 3339."""

    def read(self) -> Filter:
        """Raises 400."""
        before = None
        if self.opened_before:
            try:
                before = timestamp_ms(self.opened_before)
            except ValueError as error:
                raise malformed(f"openedBefore: {error}", "Send RFC 3339.") from error
        return Filter(
            type=self.type,
            field=self.field,
            replica=self.replica,
            brake=self.brake,
            opened_before_ms=before,
        )


class BulkDecision(_Sent):
    """One decision on many: `ids`, or those that `filter` finds."""

    resolution: Literal["local", "remote", "merge", "newest", "keep", "manual"]
    side: Short = ""
    value: Any = None
    ids: Annotated[
        list[Annotated[str, StringConstraints(max_length=600)]], Field(max_length=MOST_IDS)
    ] = []
    filter: Which | None = None

    @model_validator(mode="after")
    def _one_way(self) -> BulkDecision:
        if bool(self.ids) == (self.filter is not None):
            raise ValueError("send either ids or filter")
        if self.resolution == "keep" and not self.side:
            raise ValueError("keep needs a side")
        if self.resolution == "manual" and self.value is None:
            raise ValueError("manual needs a value")
        return self


class Undone(_Sent):
    """A whole bulk action is taken back."""

    action_id: Annotated[str, StringConstraints(min_length=8, max_length=64, pattern="^[0-9a-f]+$")]


@router.get("")
async def list_conflicts(
    caller: UseCaller,
    use: UseServices,
    status: Literal["open", "resolved", "automatic", ""] = "open",
    type: Short = "",
    field: Short = "",
    replica: Short = "",
    brake: Brake = "",
    q: Short = "",
    cursor: Annotated[str, Query(max_length=700)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    organizationId: str | None = None,
) -> Response:
    """Newest first; `next` is empty at the end. `automatic`: what rules and suggestions decided."""
    caller.check(organizationId)
    wanted = Filter(status, type, field, replica, brake, q)
    found, following = await use.conflicts.page(caller.organization_id, wanted, cursor, limit)
    shown = await use.conflicts.shown(caller.organization_id, found)
    return _answer({"conflicts": shown, "next": following})


@router.post("/resolve")
async def resolve_many(decision: BulkDecision, caller: UseCaller, use: UseServices) -> Response:
    """Decide many at once: results of up to a hundred in the answer, more as a job (202)."""
    task = Task(
        resolution=decision.resolution,
        side=decision.side,
        value=decision.value,
        ids=tuple(dict.fromkeys(decision.ids)),
        filter=None if decision.filter is None else decision.filter.read(),
        by=named(caller, decision.by),
    )
    many = await use.conflicts.decide_many(caller.organization_id, task)
    return _answer(many.shape(), ACCEPTED if many.job else OK)


@router.post("/undo")
async def undo_action(undone: Undone, caller: UseCaller, use: UseServices) -> Response:
    """Take back everything that one bulk action decided, as far as nothing has changed since."""
    task = Task(UNDO, undoes=undone.action_id, by=named(caller, undone.by))
    many = await use.conflicts.decide_many(caller.organization_id, task)
    return _answer(many.shape(), ACCEPTED if many.job else OK)


@router.get("/actions/{action_id}")
async def get_action(action_id: str, caller: UseCaller, use: UseServices) -> Response:
    """How far a bulk action that runs as a job has come."""
    return _answer(await use.batches.progress(caller.organization_id, action_id))


@router.get("/{conflict_id:path}")
async def get_conflict(conflict_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One conflict, with what people usually decided where it is open."""
    line = await use.conflicts.get(caller.organization_id, conflict_id)
    (shown,) = await use.conflicts.shown(caller.organization_id, [line])
    return _answer(shown)


@router.post("/{conflict_id:path}/resolve")
async def resolve_conflict(
    conflict_id: str, decision: Decision, caller: UseCaller, use: UseServices
) -> Response:
    """Decide a conflict: 200 once it is settled, 202 where the engine has not answered in time.
    Safe to repeat; 409 when the values have changed since they were shown, or somebody was
    first."""
    organization_id, by = caller.organization_id, named(caller, decision.by)
    word = Word(decision.resolution, decision.side, decision.value)
    rule = None
    if decision.always:
        line = await use.conflicts.get(organization_id, conflict_id)
        rule = use.policies.check_always(line, word)
    settled = await use.conflicts.resolve(
        organization_id,
        conflict_id,
        word,
        by=by,
        candidates=decision.candidates,
        version=decision.version,
    )
    more = {}
    if rule is not None:
        more["always"] = (await use.policies.always(organization_id, rule, by=by)).shape()
    return _settled(settled, more)


@router.post("/{conflict_id:path}/undo")
async def undo_conflict(
    conflict_id: str, caller: UseCaller, use: UseServices, sent: _Sent | None = None
) -> Response:
    """Take a decision back: a person's opens again, a rule's gives way to the other value."""
    by = named(caller, sent.by if sent else "")
    return _settled(await use.conflicts.undo(caller.organization_id, conflict_id, by=by), {})


def named(caller: Caller, name: str) -> str:
    """Who decides, for the record: a program with the API key may say for whom it asks."""
    return f"{caller.by}:{name}" if name and caller.by == "key" else caller.by


def _settled(settled: Settled, more: dict[str, Any]) -> Response:
    value = {"accepted": True, "settled": settled.settled, "conflict": settled.conflict, **more}
    return _answer(value, OK if settled.settled else ACCEPTED)


def _answer(value: Any, status: int = OK) -> Response:
    return Response(to_json(value), status_code=status, media_type="application/json")
