"""`smartstore conflicts list | show | resolve | undo | policies`: what needs a decision, and the
rules that decide by themselves."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from api.conflicts import Conflicts
    from api.policies import PolicyDesk
    from api.shapes import LiveConflict
    from streams.policies import Rulebook

T = TypeVar("T")

BY = "cli"
_ACTION = re.compile(r"[0-9a-f]{32}")

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

conflicts = typer.Typer(
    help="What two places changed differently: see it, decide it, take it back.",
    no_args_is_help=True,
)


@dataclass(frozen=True)
class Desk:
    """What the commands work with."""

    organization_id: str
    conflicts: Conflicts
    policies: PolicyDesk
    rulebook: Rulebook


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(conflicts, name="conflicts")


@conflicts.command(name="list")
def list_(
    status: Annotated[str, typer.Option(help="open, resolved, automatic or all.")] = "open",
    entity_type: Annotated[str, typer.Option("--type", help="product, order, ...")] = "",
    field: Annotated[str, typer.Option(help="price, name, ...")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Conflicts, newest first; `automatic`: what rules and suggestions decided."""
    from streams.conflicts.rows import STATUSES, Filter

    wanted = "" if status == "all" else status
    if status != "all" and status not in STATUSES[:-1]:
        raise SmartStoreError(f"no status {status}", fix="open, resolved, automatic or all")

    async def read(desk: Desk) -> list[LiveConflict]:
        asked = Filter(wanted, entity_type, field)
        lines, _ = await desk.conflicts.page(desk.organization_id, asked, "", limit)
        return await desk.conflicts.shown(desk.organization_id, lines)

    found = _run(read, organization)
    if as_json:
        _json(found)
        return
    for one in found:
        _tell(one)
    if not found:
        _line("Nothing to decide." if wanted == "open" else "None.")


@conflicts.command()
def show(
    conflict_id: Annotated[str, typer.Argument(help="As `list` prints it.")],
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """One conflict with every value, and what you usually decided."""

    async def read(desk: Desk) -> LiveConflict:
        line = await desk.conflicts.get(desk.organization_id, conflict_id)
        return (await desk.conflicts.shown(desk.organization_id, [line]))[0]

    found = _run(read, organization)
    if as_json:
        _json(found)
        return
    _tell(found)
    if found.suggestion is not None:
        _line(f"    {found.suggestion.reason}")


@conflicts.command()
def resolve(
    conflict_id: Annotated[str, typer.Argument(help="As `list` prints it.")],
    resolution: Annotated[
        str, typer.Argument(help="local, remote, newest, merge, manual, or a side to keep.")
    ],
    value: Annotated[str, typer.Option(help="For manual: the value, as JSON.")] = "",
    always: Annotated[bool, typer.Option("--always", help="Make it a rule, too.")] = False,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Decide one conflict and wait until the engine has taken it."""
    from api.policies import Ruled
    from streams.conflicts.words import CHOICES, Word

    word = Word(resolution, value=_value(value))
    if resolution not in CHOICES:
        word = Word("keep", resolution)

    async def decide(desk: Desk) -> tuple[bool, LiveConflict, Ruled | None]:
        line = await desk.conflicts.get(desk.organization_id, conflict_id)
        rule = desk.policies.check_always(line, word) if always else None
        settled = await desk.conflicts.resolve(desk.organization_id, conflict_id, word, by=BY)
        ruled = None
        if rule is not None:
            ruled = await desk.policies.always(desk.organization_id, rule, by=BY)
        return settled.settled, settled.conflict, ruled

    settled, conflict, ruled = _run(decide, organization)
    if as_json:
        more = {} if ruled is None else {"always": ruled.shape()}
        _json({"settled": settled, "conflict": conflict, **more})
    else:
        _line(conflict.decided if settled else "Sent; the engine has not answered yet.")
        if ruled is not None:
            _line(f"From now on: {_rule_words(ruled.shape()['rule'])}")
    if not settled:
        raise typer.Exit(3)


@conflicts.command()
def undo(
    name: Annotated[str, typer.Argument(help="A conflict, or the action of a bulk decision.")],
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Take a decision back: a person's opens again, a rule's gives way to the other value."""
    from streams.conflicts.bulk import Task
    from streams.conflicts.words import UNDO

    async def take_back(desk: Desk) -> dict[str, Any]:
        if _ACTION.fullmatch(name):
            task = Task(UNDO, undoes=name, by=BY)
            return (await desk.conflicts.decide_many(desk.organization_id, task)).shape()
        done = await desk.conflicts.undo(desk.organization_id, name, by=BY)
        return {"settled": done.settled, "conflict": done.conflict}

    found = _run(take_back, organization)
    if as_json:
        _json(found)
    elif "conflict" in found:
        _tell(found["conflict"])
    else:
        counts = ", ".join(f"{n} {state}" for state, n in found["counts"].items())
        _line(f"{found['total']} decisions: {counts or found['state']}")


@conflicts.command()
def policies(
    versions: Annotated[bool, typer.Option("--versions", help="Every version there was.")] = False,
    restore: Annotated[int | None, typer.Option(help="Bring this version back.")] = None,
    preview: Annotated[
        Path | None, typer.Option(help="A JSON file of rules: what they would have done.")
    ] = None,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """The rules that decide by themselves. They are changed with PUT /api/policies."""
    from api.policies import policies_shape, version_shape

    rules = _rules(preview) if preview else []

    async def read(desk: Desk) -> dict[str, Any]:
        if restore is not None:
            saved = await desk.rulebook.restore(desk.organization_id, restore, by=BY)
            return policies_shape(saved)
        if versions:
            found = await desk.rulebook.versions(desk.organization_id, limit=200)
            return {"versions": [version_shape(one) for one in found]}
        if preview:
            counts, changed, _ = await desk.policies.preview(desk.organization_id, rules)
            return {"counts": dict(counts), "different": len(changed)}
        return policies_shape((await desk.rulebook.newest(desk.organization_id)).policies)

    found = _run(read, organization)
    if as_json:
        _json(found)
    elif "counts" in found:
        _tell_counts(found)
    else:
        for one in found.get("versions", [found]):
            by = f", saved {one['savedAt']} by {one['by']}" if "savedAt" in one else ""
            _line(f"version {one['version']}{by}")
            for rule in one["rules"]:
                _line(f"    {_rule_words(rule)}")
            if not one["rules"]:
                _line("    the newest change wins")


def _run(work: Callable[[Desk], Awaitable[T]], organization: str) -> T:
    """Open the stores, do it, close them. Kafka is connected to when something is sent."""
    from fastapi_problem.error import Problem
    from pymongo.errors import PyMongoError

    from api.conflicts import Conflicts
    from api.policies import PolicyDesk
    from runtime.here import here
    from streams.database import open_database
    from streams.integrations import DirectoryError
    from streams.kafka import Publisher, PublishFailed
    from streams.policies import Rulebook

    place = here()

    async def all_of_it() -> T:
        endpoints = place.endpoints()
        database, publisher = open_database(endpoints), Publisher(endpoints)
        rulebook = Rulebook(database)
        try:
            return await work(
                Desk(
                    organization or place.organization_id,
                    Conflicts(database, publisher, unix_ms),
                    PolicyDesk(database, rulebook, unix_ms),
                    rulebook,
                )
            )
        finally:
            await publisher.stop()
            await database.client.close()

    try:
        return asyncio.run(all_of_it())
    except Problem as problem:
        told = problem.marshal()
        raise SmartStoreError(told["detail"], fix="smartstore conflicts list") from problem
    except DirectoryError as error:
        raise SmartStoreError(str(error), fix="smartstore conflicts policies --versions") from error
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer", fix="smartstore up, or DATABASE_URL"
        ) from error
    except PublishFailed as error:
        raise CannotServe(str(error), fix="smartstore up; nothing was decided") from error


def _tell(one: LiveConflict) -> None:
    from api.pages.words import heading_word, replica_word, value_word

    name = f": {one.label}" if one.label else ""
    _line(f"{one.id}  {one.opened_at}  {one.brake or one.status}")
    _line(f"    {heading_word(one.field, one.type)}{name}")
    if one.decided:
        _line(f"    {one.decided}")
        return
    for side, value in one.candidates.items():
        _line(f"    {side} ({replica_word(side)}): {value_word(value, one.field)}")


def _tell_counts(found: dict[str, Any]) -> None:
    from streams.conflicts.preview import KINDS

    for kind, words in KINDS.items():
        if found["counts"].get(kind):
            _line(f"{found['counts'][kind]:>6}  {words}")
    _line(f"{found['different']:>6}  would have gone otherwise in the last 30 days.")


def _rule_words(rule: dict[str, str]) -> str:
    """`product price with woocommerce: woocommerce wins`."""
    what = " ".join(name for name in (rule["type"], rule["field"]) if name != "*") or "anything"
    where = "" if rule["platform"] == "*" else f" with {rule['platform']}"
    decides = {
        "newest": "the newest change wins",
        "local": "your app wins",
        "remote": "the other side wins",
        "merge": "both are merged",
        "manual": "you are asked",
    }[rule["policy"]]
    return f"{what}{where}: {rule['winner'] + ' wins' if rule['winner'] else decides}"


def _rules(path: Path) -> list[Any]:
    from pydantic import TypeAdapter, ValidationError

    from api.routes.policies import PolicyRule
    from schemas.policy import Rule

    try:
        given = json.loads(path.read_text())
        rules = given["rules"] if isinstance(given, dict) else given
        checked = TypeAdapter(list[PolicyRule]).validate_python(rules)
    except OSError as error:
        raise SmartStoreError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, ValidationError) as error:
        raise SmartStoreError(
            f"{path} holds no rules", fix='[{"field": "price", "policy": "local"}]'
        ) from error
    return [Rule(**rule.model_dump()) for rule in checked]


def _value(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise SmartStoreError(
            f"--value {text} is not JSON", fix="""--value '"1950"' for a price"""
        ) from error


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _json(value: Any) -> None:
    from api.shapes import to_json

    sys.stdout.write(to_json(value).decode() + "\n")
