"""`smartstore archive status | check | compact`: history on Parquet, and whether it is whole."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from runtime.errors import CannotServe, SmartStoreError

if TYPE_CHECKING:
    from streams.archive.joined import Sources

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

archive = typer.Typer(help="All history, kept as Parquet files.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(archive, name="archive")


@archive.command()
def status(as_json: AsJson = False) -> None:
    """Where it is, how much it holds, how far it is behind, and what is wrong."""

    async def look(sources: Sources) -> dict[str, Any]:
        from streams.archive.manifest import Manifest
        from streams.archive.reading import open_archive

        opened = await open_archive(sources.database, sources.location)
        told = await Manifest(sources.database, sources.location.name).status() or {}
        rows, size, files = Counter[str](), Counter[str](), Counter[str]()
        for one in opened.files():
            rows[one.topic] += one.rows
            size[one.topic] += one.bytes
            files[one.topic] += 1
        return {
            "location": sources.location.name,
            "state": told.get("state", "never ran"),
            "alarm": told.get("alarm", ""),
            "waiting": told.get("waiting", 0),
            "secondsAgo": round(time.time() - told["atMs"] / 1000) if told else None,
            "topics": {n: {"events": rows[n], "files": files[n], "bytes": size[n]} for n in rows},
        }

    found = run(look)
    if as_json:
        _json(found)
        return
    console = Console(highlight=False, soft_wrap=True)
    ago = "" if found["secondsAgo"] is None else f", {found['secondsAgo']} s ago"
    console.print(f"{found['location']}: {found['state']}{ago}, {found['waiting']:,} events wait")
    if found["alarm"]:
        console.print(found["alarm"], style="red", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("topic", "events", "files", "MB", "bytes an event"):
        table.add_column(name, justify="left" if name == "topic" else "right")
    for name, one in sorted(found["topics"].items()):
        each = one["bytes"] / max(1, one["events"])
        table.add_row(
            name, f"{one['events']:,}", f"{one['files']:,}", f"{one['bytes'] / 1e6:,.1f}",
            f"{each:,.0f}",
        )  # fmt: skip
    console.print(table)


@archive.command()
def check(as_json: AsJson = False) -> None:
    """Read every offset: none missing, none twice, every file as it was written."""

    async def look(sources: Sources) -> dict[str, Any]:
        from streams.archive.checking import check as checked
        from streams.archive.reading import open_archive

        found = await asyncio.to_thread(
            checked, await open_archive(sources.database, sources.location)
        )

        def told(counts: dict[Any, int]) -> dict[str, int]:
            return {f"{topic}/{number}": n for (_, topic, number), n in counts.items()}

        return {
            "whole": found.whole,
            "events": found.rows,
            "files": found.files,
            "unreadable": found.unreadable,
            "twice": told(found.twice),
            "missing": told(found.missing),
            "beyond": told(found.beyond),
        }

    found = run(look)
    if as_json:
        _json(found)
    else:
        what = "whole" if found["whole"] else "NOT whole"
        sys.stdout.write(f"{found['events']:,} events in {found['files']:,} files: {what}\n")
        for name in ("unreadable", "twice", "missing", "beyond"):
            if found[name]:
                sys.stdout.write(f"  {name}: {found[name]}\n")
    if not found["whole"]:
        raise typer.Exit(1)


@archive.command()
def compact(
    now: Annotated[bool, typer.Option("--now", help="Remove the small files at once.")] = False,
) -> None:
    """Make day files of all small files, today's too."""

    async def work(sources: Sources) -> int:
        from streams.archive.keeping import Keeper
        from streams.archive.retention import Retention

        keeper = Keeper(sources.database, sources.location, Retention())
        done = await keeper.compact(all_days=True)
        await keeper.clear(at_once=now)
        return done

    sys.stdout.write(f"{run(work):,} files became day files\n")


def run(work: Callable[[Sources], Awaitable[T]]) -> T:
    """Open what runs here, do it, close it."""
    from pymongo.errors import PyMongoError

    from runtime.here import here
    from streams.archive.location import LocationInvalid
    from streams.archive.manifest import MovedOn
    from streams.archive.opening import open_sources
    from streams.keyring import KeyringError

    async def all_of_it() -> T:
        place = here()
        async with open_sources(place.endpoints(), place.environment, place.home) as sources:
            return await work(sources)

    try:
        return asyncio.run(all_of_it())
    except PyMongoError as error:
        raise CannotServe(
            f"MongoDB does not answer ({type(error).__name__})",
            fix="smartstore up, or DATABASE_URL; then the same again",
        ) from error
    except (LocationInvalid, KeyringError) as error:
        raise SmartStoreError(str(error)) from error
    except (MovedOn, OSError) as error:
        raise SmartStoreError(f"the archive: {error}", fix="try again") from error


def _json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
