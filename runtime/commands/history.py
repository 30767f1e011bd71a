"""`smartstore history at | diff | show | sql`: the past, and tables of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.errors import CannotServe, SmartStoreError
from runtime.moments import FORM, moment_ms
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from api.timetravel import Past, ShownThen
    from runtime.here import Here

T = TypeVar("T")


def short(value: Any) -> str:
    """A value as people read it."""
    from runtime.history import short as shortened

    return shortened(value)


AsJson = Annotated[bool, typer.Option("--json", help="As lines of JSON.")]
Type = Annotated[str, typer.Option("--type", help="Only product, inventory, order, ...")]
When = Annotated[str, typer.Argument(metavar="TIME", help=FORM)]

history = typer.Typer(
    help="What stood at any time, what became of it, and tables of everything that happened.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(history, name="history")


@history.command()
def at(
    when: When,
    entity: Annotated[list[str] | None, typer.Argument(metavar="[TYPE NAME]")] = None,
    type_: Type = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """What stood at a time: one item, or everything."""
    from api.shapes import to_json  # late: other commands start faster

    at_ms = moment_ms(when)
    if entity:
        if len(entity) != 2:
            raise SmartStoreError(
                "name the type and the id", fix="smartstore history at 2h product TEA-400"
            )
        found = _run(organization, lambda past: past.entity(entity[0], entity[1], at_ms), entity)
        if as_json:
            sys.stdout.write(to_json(found).decode() + "\n")
        else:
            _show_then(Console(highlight=False, soft_wrap=True), found)
        return
    _run(organization, lambda past: _told(past.everything(at_ms, type_), as_json, _then_line))


@history.command()
def diff(
    begin: Annotated[str, typer.Argument(metavar="FROM", help="2026-11-22T09:00, or 7d.")],
    end: Annotated[str, typer.Argument(metavar="[TO]", help="Empty: now.")] = "",
    type_: Type = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """What became of everything between two times."""
    from_ms, to_ms = moment_ms(begin), moment_ms(end) if end else unix_ms()
    if from_ms > to_ms:
        raise SmartStoreError("the first time is after the second", fix="turn them round")
    _run(organization, lambda past: _told(past.diff(from_ms, to_ms, type_), as_json, _diff_line))


@history.command()
def show(
    entity: Annotated[list[str], typer.Argument(metavar="TYPE NAME")],
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Every change of one item, oldest first."""
    from api.shapes import to_json

    if len(entity) != 2:
        raise SmartStoreError("name the type and the id", fix="smartstore history show order 1042")
    found = _run(organization, lambda past: past.versions(entity[0], entity[1]), entity)
    for version in found:
        if as_json:
            sys.stdout.write(to_json(version).decode() + "\n")
            continue
        fields = ", ".join(f"{name} {short(value)}" for name, value in version.changed.items())
        told = "deleted" if version.deleted else fields
        sys.stdout.write(f"{_clock(version.at)}  version {version.version}  {told}\n")
    if not found:
        raise SmartStoreError(
            f"nothing is known of {entity[0]} {entity[1]}",
            fix="smartstore why finds an item by SKU and tells its id",
        )


@history.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="SQL", help="Of the views in docs/analysts.md.")],
    organization: Organization = "",
    as_json: Annotated[bool, typer.Option("--json", help="Lines of JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="Into this Parquet file.")] = None,
) -> None:
    """Ask the archive: views events, decisions, conflicts, orders, stock_levels, shipments,
    latency."""
    import duckdb

    from runtime import history as asked
    from streams.analysts.results import write_csv, write_json, write_parquet

    try:
        relation = asked.sql(query, organization=organization)
        if relation is None:
            return  # a statement without an answer
        found = relation.to_arrow_table()
    except duckdb.Error as error:
        raise SmartStoreError(str(error), fix="docs/analysts.md lists views and columns") from error
    if parquet is not None:
        write_parquet(found, parquet)
        sys.stderr.write(f"{found.num_rows} rows in {parquet}\n")
    elif as_json:
        write_json(found, sys.stdout)
    elif as_csv:
        write_csv(found, sys.stdout)
    else:
        asked.print_table(found)


def _run(
    organization: str, work: Callable[[Past], Awaitable[T]], entity: list[str] | None = None
) -> T:
    """Do it with the past of what runs here; `entity` (type, name) gets our id in the place of a
    SKU or number. Raises SmartStoreError."""
    from runtime.here import here

    return asyncio.run(_with_past(here(), organization, work, entity))


async def _with_past(
    found: Here,
    organization: str,
    work: Callable[[Past], Awaitable[T]],
    entity: list[str] | None,
) -> T:
    from aiokafka.errors import KafkaError
    from pymongo.errors import PyMongoError

    from api.timetravel import Past
    from runtime.past import open_sources
    from streams.entities import id_of
    from streams.timetravel import TimeTravel, reader

    whose = organization or found.organization_id
    try:
        async with open_sources(found) as sources:
            if entity is not None:
                entity[1] = await id_of(sources.database, whose, entity[0], entity[1])
            travel = TimeTravel(sources.database, reader(sources), unix_ms())
            return await work(Past(travel, whose))
    except (PyMongoError, KafkaError, TimeoutError) as error:
        raise CannotServe("MongoDB or Kafka does not answer", fix="smartstore up") from error


async def _told(lines: AsyncIterator[bytes], as_json: bool, word: Callable[[Any], str]) -> None:
    import msgspec

    count = 0
    async for line in lines:
        count += 1
        text = line.decode() if as_json else word(msgspec.json.decode(line)) + "\n"
        sys.stdout.write(text)
    if not as_json:
        sys.stderr.write(f"{count} in all\n")


def _then_line(row: Any) -> str:
    values = ", ".join(
        f"{name} {short(held['value'])}" for name, held in list(row["fields"].items())[:6]
    )
    gone = "deleted  " if row["deleted"] else ""
    return f"{row['type']:<10} {row['entityId']:<24} {gone}{values}"


def _diff_line(row: Any) -> str:
    moved = ", ".join(
        f"{name} {short(pair['from'])} → {short(pair['to'])}"
        for name, pair in row["fields"].items()
    )
    return f"{row['change']:<8} {row['type']:<10} {row['label'] or row['entityId']:<24} {moved}"


def _show_then(console: Console, then: ShownThen) -> None:
    console.print(Text(f"{then.type} {then.label or then.entity_id}", style="bold"))
    if not then.known:
        told = "was not there" if then.complete else "nothing is known of so long ago"
        console.print(f"{_clock(then.time)}: {told}")
        return
    since = f", since {_clock(then.since)}" if then.since else ""
    console.print(Text(f"as of {_clock(then.time)}{since}", style="dim"))
    if not then.complete:
        console.print(Text("taken back from a later record: agreed values only", style="yellow"))
    table = Table(box=None, pad_edge=False)
    for heading in ("field", "agreed", *then.replicas):
        table.add_column(heading)
    for name, held in then.fields.items():
        copies = [short(copy.fields.get(name, "")) for copy in then.replicas.values()]
        table.add_row(name, short(held.value), *copies)
    console.print(table)
    if then.deleted:
        console.print(Text("deleted", style="red"))
    if then.conflicts:
        console.print(f"contested: {', '.join(then.conflicts)}")


def _clock(moment: str) -> str:
    from datetime import datetime

    return f"{datetime.fromisoformat(moment).astimezone():%d %b %Y %H:%M:%S}"
