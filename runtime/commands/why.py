"""`smartstore why`: why a field has the value it has, and where it stands on every platform."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from api.explained import ShownEntity
    from api.why import ShownDelivery, ShownStanding, ShownStep, Why
    from runtime.here import Here

_TONES = {
    "agreed": "green",
    "owed": "yellow",
    "in flight": "cyan",
    "contested": "magenta",
    "rejected": "red",
    "paused": "yellow",
}
_MARKS = {
    "agreed": "✔",
    "owed": "…",
    "in flight": "→",
    "contested": "?",
    "cannot hold": "·",
    "rejected": "✘",
    "paused": "‖",
}
_SHOWN_STEPS = 10
_WIDE = 26
_DELIVERED = {"arrived": "has it", "refused": "held something else", "failed": "will not take it"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    words: Annotated[
        list[str], typer.Argument(metavar="[TYPE] ID [FIELD]", help="product TEA-400 quantity")
    ],
    organization: Organization = "",
    by: Annotated[str, typer.Option(help="What the id is: id, sku or external.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say why a value is what it is; without a field, show what stands. The id may be ours, a SKU
    or a platform's."""
    from api.shapes import to_json  # late: other commands start faster
    from runtime.here import here

    entity_type, name, field = _asked(words)
    if by not in ("", "id", "sku", "external"):
        raise SmartStoreError(f"--by {by} is none of id, sku, external")
    found = asyncio.run(_look(here(), organization, entity_type, name, field, by))
    if as_json:
        sys.stdout.write(to_json(found).decode() + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    if field:
        _show_why(console, found)
    else:
        _show_entity(console, found)


def _asked(words: list[str]) -> tuple[str, str, str]:
    """(type, id, field); the type and the field may be left out."""
    from schemas.fields import ENTITY_TYPES

    if len(words) == 3:
        return words[0], words[1], words[2]
    if len(words) == 1:
        return "", words[0], ""
    if len(words) == 2:
        return (words[0], words[1], "") if words[0] in ENTITY_TYPES else ("", words[0], words[1])
    raise SmartStoreError("too many words", fix="smartstore why product TEA-400 quantity")


async def _look(
    here: Here, organization: str, entity_type: str, name: str, field: str, by: str
) -> Any:
    """A `Why`, or without a field a `ShownEntity`."""
    from fastapi_problem.error import Problem
    from pymongo.errors import PyMongoError

    from api.entities import type_with
    from api.explained import Explained
    from streams.database import open_database
    from streams.directory import Directory
    from streams.keyring import KeyringError, open_keyring
    from streams.platforms import PlatformEnvironment

    database = open_database(here.endpoints())
    try:
        keyring = open_keyring(here.environment, here.home)
        directory = Directory(database, keyring, PlatformEnvironment())
        explained = Explained(database, directory, unix_ms)
        organization_id = organization or here.organization_id
        asked = type_with(field, entity_type)
        record = await explained.entities.find(organization_id, asked, name, by)
        return await (explained.why(record, field, None) if field else explained.entity(record))
    except Problem as problem:
        raise _told(problem.marshal(), organization or here.organization_id) from problem
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer", fix="smartstore up, or DATABASE_URL"
        ) from error
    except KeyringError as error:
        raise SmartStoreError(str(error), fix="smartstore doctor") from error
    finally:
        await database.client.close()


def _told(problem: dict[str, Any], organization_id: str) -> SmartStoreError:
    matches = "; ".join(
        f"{one['entityId']} {one['label']} ({', '.join(one['replicas'])})"
        for one in problem.get("matches", ())
    )
    message = f"{organization_id}: {problem['detail']}" + (f" {matches}" if matches else "")
    help_ = problem.get("help", "")
    fix = "--by id, or --by external with woocommerce/412" if matches else help_
    return SmartStoreError(message, fix="check the id and --org" if "/api/" in fix else fix)


def _show_why(console: Console, found: Why) -> None:
    from api.tellings import Teller

    teller = Teller(found.type, found.field, unix_ms(), None)
    heading = f"{found.label or found.entity_id} · {teller.heading} {teller.value(found.value)}"
    console.print(Text(heading, style="bold"))
    console.print(Text(f"{found.type} {found.entity_id}", style="dim"))
    console.print()
    console.print(Text(found.sentence))
    console.print()
    console.print(_platforms(found.replicas, teller))
    if found.steps:
        console.print()
    for step in found.steps[:_SHOWN_STEPS]:
        _show_step(console, step)
    more = len(found.steps) - _SHOWN_STEPS
    if more > 0 or not found.complete:
        console.print(Text(f"and {max(more, 0)} before; --json shows them", style="dim"))


def _platforms(replicas: tuple[ShownStanding, ...], teller: Any) -> Table:
    from api.pages.words import replica_word

    table = Table(box=None, pad_edge=False)
    for heading in ("platform", "state", "holds", ""):
        table.add_column(heading)
    for one in replicas:
        holds = teller.value(one.sees) if one.known else ""
        if one.known and one.stands not in (one.sees, None):
            holds += f" (for {teller.value(one.stands)})"
        state = Text(one.state, style=_TONES.get(one.state, "dim"))
        table.add_row(replica_word(one.replica), state, Text(holds), Text(_detail(one)))
    return table


def _detail(one: ShownStanding) -> str:
    told = [one.reason] if one.reason else []
    if one.since:
        told.append(f"since {_clock(one.since)}")
    if one.attempts > 1:
        told.append(f"attempt {one.attempts}")
    if one.until:
        told.append(f"again at {_clock(one.until)}")
    if one.operation:
        told.append(_operation(one.operation))
    return ", ".join(told)


def _show_step(console: Console, step: ShownStep) -> None:
    console.print(Text(f"{_clock(step.at)}  {step.sentence}"))
    ids = [f"cause {step.cause}"] if step.cause else []
    ids.append(f"version {step.version}")
    if step.rule:
        ids.append(f"conflict {step.rule.conflict_id}, rules {step.rule.policy_version}")
    console.print(Text("          " + "  ".join(ids), style="dim"))
    for delivery in step.deliveries:
        console.print(_delivered(delivery))


def _delivered(delivery: ShownDelivery) -> Text:
    from api.pages.words import latency_word, replica_word

    good = delivery.result == "arrived"
    told = Text("          ")
    told.append("✔ " if good else "! ", style="green" if good else "yellow")
    told.append(f"{replica_word(delivery.replica)} {_DELIVERED[delivery.result]}")
    if delivery.latency_ms is not None:
        told.append(f" after {latency_word(delivery.latency_ms)}")
    if delivery.reason and delivery.result == "failed":
        told.append(f": {delivery.reason}")
    ids = _operation(delivery.operation) if delivery.operation else ""
    told.append(f"  {_clock(delivery.at)} {ids}".rstrip(), style="dim")
    return told


def _show_entity(console: Console, found: ShownEntity) -> None:
    from api.pages.words import field_word, replica_word, value_word
    from api.tellings import who

    console.print(Text(found.label or found.entity_id, style="bold"))
    console.print(Text(f"{found.type} {found.entity_id}", style="dim"))
    if found.deleted:
        at = _clock(found.deleted.changed_at or "")
        console.print(Text(f"Deleted by {who(found.deleted.source)} at {at}", style="red"))
    console.print()
    table = Table(box=None, pad_edge=False)
    for heading in ("field", "value", "by", "since", "stands"):
        table.add_column(heading, no_wrap=True)
    used = dict.fromkeys(["agreed"])
    for name, held in found.fields.items():
        states = [one.states.get(name, "agreed") for one in found.replicas]
        used.update(dict.fromkeys(states))
        table.add_row(
            field_word(name),
            Text(_short(value_word(held.value, name))),
            who(held.source),
            _clock(held.changed_at) if held.changed_at else "",
            Text.assemble(*((_MARKS[state], _TONES.get(state, "dim")) for state in states)),
        )
    console.print(table)
    names = ", ".join(replica_word(one.replica) for one in found.replicas)
    marks = "  ".join(f"{_MARKS[state]} {state}" for state in used)
    console.print(Text(f"\nstands, in this order: {names}\n{marks}", style="dim"))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…"


def _operation(operation: tuple[int, int]) -> str:
    return "operation {}-{}".format(*operation)


def _clock(moment: str) -> str:
    """By this computer's clock, with the day where that is not today."""
    at = datetime.fromisoformat(moment).astimezone()
    today = at.date() == datetime.now().astimezone().date()
    return f"{at:%H:%M:%S}" if today else f"{at:%d %b %H:%M:%S}"
