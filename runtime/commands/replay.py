"""`smartstore replay`: history from the archive and Kafka, to look at or to take along. It never
reaches a platform: `smartstore trigger`, or a forced sync, makes a platform right."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from runtime.errors import CannotServe, SmartStoreError
from runtime.moments import Since, Until, moment_ms
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from runtime.here import Here
    from schemas.archive import ArchivedEvent, Place
    from streams.archive.joined import Sources
    from streams.archive.reading import Query
    from streams.archive.replaying import Target

_TELLS_S = 1.0
_VALUE_MOST = 160

Many = list[str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


@dataclass(frozen=True)
class Wanted:
    """What was asked for besides the query."""

    to: str
    resume: Path | None
    limit: int | None
    yes: bool
    dry_run: bool


def replay(
    since: Since = "",
    until: Until = "",
    topic: Annotated[Many | None, typer.Option(help="Only this topic; may be repeated.")] = None,
    type_: Annotated[Many | None, typer.Option("--type", help="Only product, order, ...")] = None,
    entity: Annotated[str, typer.Option(help="Our id of one entity; TYPE/ID for short.")] = "",
    kind: Annotated[Many | None, typer.Option(help="Only changed, seen, write, ...")] = None,
    source: Annotated[Many | None, typer.Option(help="Only from woocommerce, mongodb, ...")] = None,
    organization: Organization = "",
    everyone: Annotated[bool, typer.Option("--all-orgs", help="Every organisation's.")] = False,
    partition: Annotated[int | None, typer.Option(help="Only this one; with one --topic.")] = None,
    from_offset: Annotated[int | None, typer.Option(help="From here on; with --partition.")] = None,
    to_offset: Annotated[
        int | None, typer.Option(help="Up to here, included; with --partition.")
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            help="-: the terminal; jsonl:FILE, parquet:FILE.parquet, parquet:FOLDER, topic:NAME."
        ),
    ] = "-",
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines on the terminal.")] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Remembers how far it came, and goes on from there.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many events.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    archive_only: Annotated[
        bool, typer.Option("--archive-only", help="Without what only Kafka has.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing a topic.")] = False,
) -> None:
    """Show history, or write it to a file or another topic. Nothing of it reaches a platform."""
    from runtime.here import here  # late: other commands start faster
    from streams.archive.reading import Query

    place = here()
    _check(topic or [], partition, from_offset is not None or to_offset is not None)
    entity_type, _, entity_id = entity.rpartition("/")
    query = Query(
        organization=None if everyone else organization or place.organization_id,
        topics=frozenset(topic or ()),
        types=frozenset(type_ or ((entity_type,) if entity_type else ())),
        entity_id=entity_id,
        kinds=frozenset(kind or ()),
        sources=frozenset(source or ()),
        since_ms=moment_ms(since) if since else None,
        until_ms=moment_ms(until, to_come=True) if until else None,
        partition=partition,
        from_offset=from_offset,
        to_offset=to_offset,
    )
    wanted = Wanted("jsonl" if as_json and to == "-" else to, resume, limit, yes, dry_run)
    asyncio.run(_guarded(place, query, wanted, kafka=not archive_only))


def _check(topics: Many, partition: int | None, offsets: bool) -> None:
    """Raises SmartStoreError for topics that are not there, and offsets of nothing."""
    from schemas.topics import TOPICS

    known = [one.name for one in TOPICS]
    if unknown := set(topics) - set(known):
        raise SmartStoreError(
            f"there is no topic {', '.join(sorted(unknown))}", fix=f"one of: {', '.join(known)}"
        )
    if offsets and (len(topics) != 1 or partition is None):
        raise SmartStoreError("offsets are of one partition", fix="--topic NAME --partition N")


async def _guarded(place: Here, query: Query, wanted: Wanted, *, kafka: bool) -> None:
    from aiokafka.errors import KafkaError
    from pymongo.errors import PyMongoError

    from streams.archive.location import LocationInvalid
    from streams.archive.opening import open_sources
    from streams.archive.replaying import TargetRefused
    from streams.keyring import KeyringError

    try:
        endpoints = place.endpoints()
        async with open_sources(endpoints, place.environment, place.home, kafka=kafka) as sources:
            await _replay(sources, query, wanted)
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer", fix="smartstore up, or DATABASE_URL"
        ) from error
    except (KafkaError, TimeoutError) as error:
        raise CannotServe(
            f"Kafka does not answer: {error!r}", fix="smartstore up, or --archive-only"
        ) from error
    except (LocationInvalid, TargetRefused, KeyringError) as error:
        raise SmartStoreError(str(error)) from error
    except BrokenPipeError:  # `smartstore replay | head`
        sys.stderr.close()


async def _replay(sources: Sources, query: Query, wanted: Wanted) -> None:
    from streams.archive.joined import bounded, history
    from streams.archive.reading import open_archive
    from streams.archive.replaying import SETTLED_MS, replay

    query = bounded(query, unix_ms() - SETTLED_MS)
    memory = Memory(wanted.resume, query)
    query = memory.query
    if wanted.dry_run or wanted.to.startswith("topic:"):
        told = await _counted(sources, query, wanted.limit)
        if wanted.dry_run:
            sys.stdout.write(f"{told:,} events\n")
            return
        if not wanted.yes:
            typer.confirm(f"Write {told:,} events to {wanted.to}?", abort=True)
    target = target_of(sources, wanted, memory)
    shown, progress, done, whole = wanted.to in ("-", "jsonl"), Progress(), 0, False
    try:
        if not shown:
            archive = await open_archive(sources.database, sources.location, query.organization)
            progress.total = await asyncio.to_thread(archive.count, query)
        async for done, place in replay(_in_pieces(history(sources, query)), target, wanted.limit):
            memory.reached(place, done, getattr(target, "size", None))
            if not shown:
                progress.tell(done, place)
        whole = True
        memory.ended()
    finally:
        await target.close(whole=whole)
        if not whole and not shown:
            go_on = "; the same command goes on from there" if wanted.resume else ""
            progress.end(f"stopped after {done:,} events{go_on}")
    if not shown:
        lost = getattr(target, "too_large", 0)
        left = f"; {lost:,} of them are too large for Kafka and were left out" if lost else ""
        progress.end(f"{done:,} events to {wanted.to}{left}")
    elif not done:
        progress.end("nothing was found: a longer --since, or fewer conditions?")


async def _counted(sources: Sources, query: Query, limit: int | None) -> int:
    from streams.archive.joined import counted

    found = await counted(sources, query)
    return found if limit is None else min(found, limit)


async def _in_pieces(
    batches: AsyncIterator[list[ArchivedEvent]], most: int = 5_000
) -> AsyncIterator[list[ArchivedEvent]]:
    """So small that little is done again after a crash."""
    async for batch in batches:
        for start in range(0, len(batch), most):
            yield batch[start : start + most]


def target_of(sources: Sources, wanted: Wanted, memory: Memory) -> Target:
    from streams.archive.replaying import Lines, Parquet, ParquetParts, TopicTarget

    kind, _, name = wanted.to.partition(":")
    if wanted.to in ("-", "jsonl"):
        return Shown(as_json=kind == "jsonl")
    if kind == "topic" and name:
        return TopicTarget(sources.endpoints, name)
    if kind not in ("jsonl", "parquet") or not name:
        raise SmartStoreError(
            f"--to {wanted.to} is not understood",
            fix="-, jsonl:FILE, parquet:FILE.parquet, parquet:FOLDER or topic:NAME",
        )
    path = Path(name)
    one = kind == "parquet" and name.endswith(".parquet")
    if one and wanted.resume is not None:
        raise SmartStoreError("one Parquet file cannot be gone on with", fix="--to parquet:FOLDER")
    if not memory.begun and path.exists() and (path.is_file() or any(path.iterdir())):
        raise SmartStoreError(f"{path} is there already", fix="another name, or remove it")
    if kind == "jsonl":
        return Lines(path, memory.size)
    return Parquet(path) if one else ParquetParts(path)


class Shown:
    """The terminal: a line for people, or of JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """Print them."""
        from streams.archive.replaying import line_of

        for event in events:
            sys.stdout.write(line_of(event).decode() if self._as_json else readable(event))
        sys.stdout.flush()

    async def close(self, *, whole: bool = True) -> None:
        """Nothing is open."""


def readable(event: ArchivedEvent) -> str:
    """When (by this computer's clock), where, what, of whom; then the beginning of its content."""
    at = f"{datetime.fromtimestamp(event.at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:23]
    where = f"{event.topic}/{event.partition}/{event.offset}"
    entity = f"{event.type}/{event.entity_id}".strip("/")
    text = event.value or ("(bytes)" if event.raw is not None else "(deleted)")
    text = text.replace("\n", " ")
    text = text if len(text) <= _VALUE_MOST else text[: _VALUE_MOST - 1] + "…"
    mark = " (personal data erased)" if event.erasure else ""
    return f"{at}  {where:<28} {event.kind:<10} {event.source:<12} {entity}{mark}\n    {text}\n"


class Memory:
    """The file of --resume: `{"query", "until", "cursor", "events", "bytes"}`, written when events
    are where they belong (`bytes`: of a file of lines). Raises SmartStoreError for a file of
    another question."""

    def __init__(self, path: Path | None, query: Query) -> None:
        self._path = path
        self._name = _name_of(query)
        self.query = query
        self._before = 0
        self.size: int | None = None
        self.begun = False
        if path is None or not path.exists():
            return
        try:
            held: dict[str, Any] = json.loads(path.read_text())
            same = held["query"] == self._name
        except (ValueError, KeyError, TypeError) as error:
            raise SmartStoreError(
                f"{path} is no memory of a replay", fix="--resume FILE"
            ) from error
        if not same:
            raise SmartStoreError(
                f"{path} is of a replay that asked for something else",
                fix="ask for the same, or remember in another file",
            )
        from streams.archive.replaying import place_of

        self._before, self.size, self.begun = held["events"], held.get("bytes"), True
        until_ms = held["until"] or query.until_ms
        self.query = replace(query, until_ms=until_ms, after=place_of(held["cursor"]))

    def reached(self, place: Place, done: int, size: int | None) -> None:
        """So far it is done."""
        from streams.archive.replaying import cursor_of

        told = {
            "query": self._name,
            "until": self.query.until_ms,
            "cursor": cursor_of(place),
            "events": self._before + done,
            "bytes": size,
        }
        self._keep(told)

    def ended(self) -> None:
        """All of it is done: next time it goes on with what has happened since."""
        if self._path is not None and self._path.exists():
            self._keep({**json.loads(self._path.read_text()), "until": None})

    def _keep(self, told: dict[str, Any]) -> None:
        if self._path is not None:
            part = self._path.with_name(self._path.name + ".part")
            part.write_text(json.dumps(told) + "\n")
            part.replace(self._path)


def _name_of(query: Query) -> str:
    """The same for the same question; its end moves on, and `7d` begins later every time."""
    asked = replace(query, since_ms=None, until_ms=None, after=None)
    text = repr([sorted(v) if isinstance(v, frozenset) else v for v in vars(asked).values()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Progress:
    """How far it is, on standard error; `total` is about what the archive has of it."""

    def __init__(self) -> None:
        self.total = 0
        self._console = Console(stderr=True, highlight=False)
        self._told_s = time.monotonic()

    def tell(self, done: int, place: Place) -> None:
        """From time to time."""
        from schemas.envelope import rfc3339

        if time.monotonic() - self._told_s >= _TELLS_S:
            self._told_s = time.monotonic()
            of = f" of about {max(done, self.total):,}" if self.total else ""
            self._console.print(f"{done:,}{of}, at {rfc3339(place.at_ms)[:19]}", end="\r")

    def end(self, text: str) -> None:
        """The last line."""
        self._console.print(text, markup=False)
