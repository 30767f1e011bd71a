"""What needs a person on /sync: safety brakes, open conflicts, and what was decided.

Every action is a plain form; with JavaScript the same section is fetched again as it changes."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError
from starlette.responses import RedirectResponse

from api.conflicts import Conflicts
from api.deps import Caller, UseCaller, UseServices
from api.live import open_now
from api.pages.away import REACHABLE
from api.pages.differing import Parts, parts_of
from api.pages.i18n import N_, _, ngettext
from api.pages.render import page
from api.pages.visiting import UseVisitor, tell_amounts
from api.pages.words import FATES, replica_word, value_word
from api.sentences import always_about, lost_sentence
from api.services import Services
from api.shapes import LiveConflict
from schemas.feed import ConflictLine
from schemas.fields import EXISTENCE, Kind, kind_of
from schemas.money import money
from streams.conflicts.bulk import APPLY, REJECT, Task
from streams.conflicts.preview import UNCHANGED
from streams.conflicts.rows import NO_BRAKE, Filter
from streams.conflicts.words import UNDO, Word
from streams.kafka import PublishFailed
from streams.sync.merge import mergeable
from streams.sync.policy import LOCAL

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

SEE_OTHER = 303
SHOWN = 50
DECIDED = 20
ITEMS = 100

NOTES = {
    "decided": N_("Your decision is on its way. The card disappears when every platform has it."),
    "many": N_("Your decision was made for all of them."),
    "job": N_("That is being done now; below you see how far it has come."),
    "undone": N_("It was taken back."),
    "changed": N_("The values changed before you decided. Please look at them again."),
    "lost": N_("Somebody decided this before you."),
    "gone": N_("That conflict cannot be decided like this any more."),
    "value": N_("That value does not fit here. Please type a number."),
    "away": N_(
        "That did not work: Kafka or MongoDB does not answer. Nothing was changed; try again."
    ),
}


@router.get("/sync/review")
async def section(request: Request, caller: UseCaller, use: UseServices) -> Response:
    """The section alone, for the script of /sync."""
    await tell_amounts(use, caller)
    return page(request, "review.html", **await review(use, caller))


@router.get("/sync/batches/{batch_id:path}")
async def batch_page(
    request: Request,
    batch_id: str,
    caller: UseVisitor,
    use: UseServices,
    cursor: Annotated[str, Query(max_length=700)] = "",
) -> Response:
    """Everything a brake holds, before and after."""
    try:
        batch = await use.batches.one(caller.organization_id, batch_id, cursor, ITEMS)
    except Problem:
        return _back("gone")
    name = await use.directory.name_of(caller.organization_id)
    return page(request, "batch.html", organization=name, batch=_batch(batch))


@router.post("/sync/batches/{batch_id:path}")
async def decide_batch(
    batch_id: str,
    caller: UseCaller,
    use: UseServices,
    word: Annotated[str, Form(pattern=f"^({APPLY}|{REJECT})$")],
    until_ms: Annotated[int, Form()],
) -> Response:
    """Apply or reject what was shown."""
    try:
        await use.batches.decide(
            caller.organization_id, batch_id, word, by=caller.by, until_ms=until_ms
        )
    except (PublishFailed, PyMongoError):
        return _back("away")
    except Problem:
        return _back("gone")
    return _back("job")


@router.post("/sync/actions/{action_id}/undo")
async def undo_action(action_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Take back everything that was decided together."""
    try:
        task = Task(UNDO, undoes=action_id, by=caller.by)
        many = await use.conflicts.decide_many(caller.organization_id, task)
    except (PublishFailed, PyMongoError):
        return _back("away")
    return _back("job" if many.job else "undone")


@router.post("/sync/undo/{conflict_id:path}")
async def undo(conflict_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Take back one decision."""
    try:
        await use.conflicts.undo(caller.organization_id, conflict_id, by=caller.by)
    except (PublishFailed, PyMongoError):
        return _back("away")
    except Problem:
        return _back("gone")
    return _back("undone")


@router.post("/sync/conflicts/{conflict_id:path}")
async def decide(
    conflict_id: str,
    caller: UseCaller,
    use: UseServices,
    choice: Annotated[str, Form(max_length=200)],
    version: Annotated[int, Form()],
    value: Annotated[str, Form(max_length=20_000)] = "",
    always: Annotated[bool, Form()] = False,
    alike: Annotated[bool, Form()] = False,
) -> Response:
    """One card's decision: `keep:SIDE`, merge, newest, or a typed value; `alike`: for all open
    conflicts about the same."""
    organization_id = caller.organization_id
    try:
        line = await use.conflicts.get(organization_id, conflict_id)
        word = read_choice(choice, value, line)
        rule = use.policies.check_always(line, word) if always else None
        settled = await use.conflicts.resolve(
            organization_id, conflict_id, word, by=caller.by, version=version
        )
        ruled = ""
        if rule is not None:
            made = await use.policies.always(organization_id, rule, by=caller.by)
            ruled = str(sum(made.counts.values()) - sum(made.counts[kind] for kind in UNCHANGED))
        if alike:
            return await _alike(use.conflicts, caller, line, word)
    except ValueError:
        return _back("value")
    except (PublishFailed, PyMongoError):
        return _back("away")
    except Problem as problem:
        return _back(_note_of(problem), about=conflict_id)
    return _back("decided", about=conflict_id if settled.settled else "", ruled=ruled)


async def _alike(conflicts: Conflicts, caller: Caller, line: ConflictLine, word: Word) -> Response:
    task = Task(word.resolution, word.side, word.value, filter=alike_filter(line), by=caller.by)
    many = await conflicts.decide_many(caller.organization_id, task)
    return _back("job" if many.job else "many", action=many.action_id)


def _back(note: str, **more: str) -> Response:
    asked = urlencode({"note": note, **{name: text for name, text in more.items() if text}})
    return RedirectResponse(f"/sync?{asked}#conflicts", SEE_OTHER)


def _note_of(problem: Problem) -> str:
    """409: somebody was first, or the values moved. 404 and 422: it cannot be done like this."""
    if problem.status != 409:
        return "gone"
    extras = problem.marshal()
    settled = extras.get("conflict", {}).get("status") == "resolved"
    return "lost" if settled else "changed"


def read_choice(choice: str, typed: str, line: ConflictLine) -> Word:
    """What the form's button means. Raises ValueError for a typed value that does not fit."""
    if choice.startswith("keep:"):
        return Word("keep", choice.removeprefix("keep:"))
    if choice != "typed":
        return Word(choice)
    kind = kind_of(line.type, line.field)
    if kind is Kind.MONEY:
        return Word("manual", value=money(typed.replace(",", "").strip()))
    if any(type(held) is int for held in line.candidates.values()):
        return Word("manual", value=int(typed.replace(",", "").strip()))
    return Word("manual", value=typed)


def alike_filter(line: ConflictLine) -> Filter:
    """The other open conflicts about the same field between the same platforms."""
    other = next((side for side in line.candidates if side not in (LOCAL, "agreed")), "")
    return Filter(type=line.type, field=line.field, replica=other, brake=NO_BRAKE)


async def review(
    use: Services,
    caller: Caller,
    note: str = "",
    about: str = "",
    action: str = "",
    ruled: int | None = None,
) -> dict[str, Any]:
    """Everything the section shows. Raises PyMongoError."""
    organization_id = caller.organization_id
    lines = await _open(use, organization_id)
    alike = Counter(alike_filter(line) for line in lines)
    shown = await use.conflicts.shown(organization_id, lines)
    cards = [
        card(conflict, line, alike[alike_filter(line)] - 1)
        for conflict, line in zip(shown, lines, strict=True)
    ]
    automatic = await use.conflicts.rows.newest(
        organization_id, Filter(status="automatic"), DECIDED
    )
    by_people = await use.conflicts.rows.newest(organization_id, Filter(status="resolved"), DECIDED)
    return {
        "note": f"{await _note(use, organization_id, note, about)} {_ruled(ruled)}".strip(),
        "undo_action": action,
        "undo_one": about if note == "decided" else "",
        "batches": [_batch(batch) for batch in await use.batches.open(organization_id)],
        "actions": await use.batches.recent(organization_id),
        "cards": cards,
        "automatic": await use.conflicts.shown(organization_id, automatic),
        "by_people": await use.conflicts.shown(organization_id, by_people),
    }


async def _open(use: Services, organization_id: str) -> list[ConflictLine]:
    """The view and the feed's newest lines together, as far as the view knows nothing newer."""
    wanted = Filter(status="open", brake=NO_BRAKE)
    stored, _ = await use.conflicts.page(organization_id, wanted, "", SHOWN)
    lines = open_now(stored, use.feed.recent_conflicts(organization_id))[:SHOWN]
    known = {line.id for line in stored}
    unsure = [line.id for line in lines if line.id not in known]
    seen = await use.conflicts.rows.some(organization_id, unsure) if unsure else {}
    return [line for line in lines if line.id not in seen or seen[line.id].version < line.version]


async def _note(use: Services, organization_id: str, note: str, about: str) -> str:
    """What came of a form; with the decision in words where there is one."""
    text = _(NOTES.get(note, ""))
    if about and note in ("decided", "lost"):
        line = await use.conflicts.rows.get(organization_id, about)
        if line is not None and line.status == "resolved":
            return lost_sentence(line, use.clock_ms())
    return text


def _ruled(count: int | None) -> str:
    """What a new rule would have done, for who made it by a decision."""
    if count is None:
        return ""
    return ngettext(
        "From now on this is a rule. Of the last 30 days it would have decided %(num)s otherwise.",
        "From now on this is a rule. Of the last 30 days it would have decided %(num)s otherwise.",
        count,
    )


def _batch(batch: dict[str, Any]) -> dict[str, Any]:
    """With what its buttons say."""
    where = replica_word(batch["replica"])
    words = {
        "stock": (
            _("Yes, set them to 0 as %(where)s says", where=where),
            _("No, keep the stock we have"),
        ),
        "price": (
            _("Yes, take the prices of %(where)s", where=where),
            _("No, keep the prices we have"),
        ),
        "deletes": (_("Yes, delete them everywhere"), _("No, keep them")),
    }
    yes, no = words[batch["brake"]]
    return {**batch, "yes": yes, "no": no}


def _parts(candidates: dict[str, Any], side: str) -> Parts:
    """Of two texts: where this side's differs."""
    others = [value for name, value in candidates.items() if name != side]
    return parts_of(candidates[side], others[0]) if len(others) == 1 else []


def card(conflict: LiveConflict, line: ConflictLine, alike: int) -> dict[str, Any]:
    """One open conflict as the page shows it."""
    suggested = conflict.suggestion
    sides = sorted(conflict.candidates, key=lambda side: (side != LOCAL, side == "agreed", side))
    newer = max(sides, key=lambda side: (line.stamps.get(side, 0), side))
    kept = ""
    if suggested is not None:
        kept = {"keep": suggested.side, "newest": newer}.get(suggested.resolution, "")
    existence = conflict.field == EXISTENCE
    values = list(conflict.candidates.values())
    plain = all(value is None or type(value) in (str, int) for value in values)
    return {
        "conflict": conflict,
        "sides": [
            {
                "side": side,
                "value": conflict.candidates[side],
                "choice": f"keep:{side}",
                "at": conflict.changed_at.get(side),
                "newer": side == newer and len(set(line.stamps.values())) > 1,
                "suggested": side == kept,
                "word": _(FATES[conflict.candidates[side]]) if existence else _("Keep this"),
                "parts": _parts(conflict.candidates, side),
            }
            for side in sides
        ],
        "suggestion": suggested,
        "merges": mergeable(kind_of(line.type, line.field), *values),
        "merge_suggested": suggested is not None and suggested.resolution == "merge",
        "types": plain and not existence,
        "number": kind_of(line.type, line.field) is Kind.MONEY
        or any(type(value) is int for value in values),
        "always": "" if existence else always_about(line),
        "alike": 0 if existence else alike,
        "base": "" if line.base is None else value_word(line.base, line.field),
    }
