"""`smartstore events list | show | retry`: what happened, as on /events, and sending again what
could not be handled."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.commands.dlq import retry
from runtime.errors import CannotServe, SmartStoreError
from runtime.moments import Since, Until, moment_ms
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from api.events import Found, Holds, Results
    from runtime.here import Here
    from streams.archive.joined import Sources
    from streams.database import Database
    from streams.directory import Directory

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="As lines of JSON.")]

events = typer.Typer(
    help="What happened: search it, look at one event, send again what could not be handled.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    events.command(name="retry")(retry)
    app.add_typer(events, name="events")


@dataclass(frozen=True)
class _Lookup:
    """`api.events.Holds` without an api."""

    database: Database
    directory: Directory
    history: Sources | None

    def clock_ms(self) -> int:
        return unix_ms()


@events.command(name="list")
def list_(
    entity: Annotated[str, typer.Argument(help="Name, SKU, number or id; empty: all.")] = "",
    type_: Annotated[str, typer.Option("--type", help="product, inventory, order, ...")] = "",
    outcome: Annotated[
        str, typer.Option(help="changed, arrived, way, failed, decision, message.")
    ] = "",
    source: Annotated[str, typer.Option(help="Where: mongodb, woocommerce, whatsapp, ...")] = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 50,
    cursor: Annotated[str, typer.Option(help="Of the page before, to go on.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """What happened, newest first: the last 30 days, then the archive."""
    from api.events import Search, search_events  # late: other commands start faster

    search = Search(
        type_,
        outcome,
        source,
        entity,
        moment_ms(since) if since else 0,
        moment_ms(until) if until else 0,
    )
    page: Results = _run(
        organization, lambda use, whose: search_events(use, whose, search, cursor, limit)
    )
    for one in page.found:
        _tell(one, as_json)
    if page.away:
        raise CannotServe("the archive does not answer", fix="smartstore archive status")
    if page.next and not as_json:
        sys.stderr.write(f"older: add --cursor {page.next}\n")
    elif not page.found:
        sys.stderr.write("nothing matches\n")


@events.command()
def show(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="As `events list` names it.")],
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """One event, whole."""
    from api.events import event_at

    async def found(use: Holds, whose: str) -> Found | None:
        return await event_at(use, whose, event)

    one = _run(organization, found)
    if one is None:
        raise SmartStoreError(f"there is no event {event}", fix="smartstore events list")
    _tell(one, as_json)
    if as_json:
        return
    for name, value in one.line.fields.items():
        before = one.line.previous.get(name)
        told = f"{_json(before)} → {_json(value)}" if before is not None else _json(value)
        sys.stdout.write(f"    {name}: {told}\n")
    line = one.line
    for name, text in (("reason", line.reason), ("cause", line.cause), ("entity", line.entity_id)):
        if text:
            sys.stdout.write(f"{name}: {text}\n")


def _run(organization: str, work: Callable[[Holds, str], Awaitable[T]]) -> T:
    """Do it with what runs here. Raises SmartStoreError."""
    from runtime.here import here

    return asyncio.run(_with_history(here(), organization, work))


async def _with_history(
    found: Here, organization: str, work: Callable[[Holds, str], Awaitable[T]]
) -> T:
    from fastapi_problem.error import Problem
    from pymongo.errors import PyMongoError

    from runtime.past import open_sources
    from streams.directory import Directory

    try:
        async with open_sources(found) as sources:
            directory = Directory(sources.database, sources.keyring)
            use = _Lookup(sources.database, directory, sources)
            return await work(use, organization or found.organization_id)
    except Problem as problem:
        raise SmartStoreError(str(problem.detail), fix="smartstore events list") from problem
    except PyMongoError as error:
        raise CannotServe("MongoDB does not answer", fix="smartstore up") from error


def _tell(one: Found, as_json: bool) -> None:
    from api.pages.words import line_title
    from api.shapes import to_json

    if as_json:
        told = {"event": one.address.rpartition("/")[2], **json.loads(to_json(one.event()))}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    line = one.line
    name = one.address.rpartition("/")[2]
    at = time.strftime("%d %b %Y %H:%M:%S", time.localtime(line.at_ms / 1000))
    sys.stdout.write(f"{name}  {at}  {line.type} {line.label or line.entity_id}\n")
    sys.stdout.write(f"    {line_title(line)}{f': {line.reason}' if line.reason else ''}\n")


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
