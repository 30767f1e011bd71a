"""One million events of a shop, archived and read again, beside the two plain ways of keeping
history: reading Kafka itself from its beginning (aiokafka, as its console consumer does), and JSON
lines on disk.

The events: 60 of 100 are observations of 1 kB, 40 are lines of the feed, of 10,000 entities, over
two days. Everything runs on the same machine as Kafka and MongoDB. Then the archiver is killed
twenty times, and every offset it wrote is read.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec.structs import replace

from benchmarks.archive_kills import killed
from benchmarks.reconcile import observation
from benchmarks.report import Report, median
from runtime.servers import LocalServers
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.envelope import epoch_ms
from schemas.feed import FeedLine
from schemas.settings import Endpoints
from schemas.topics import FEED, OBSERVATIONS, Topic, partition_of
from streams.archive.archiver import Archiver
from streams.archive.erasures import Erasures
from streams.archive.keeping import Keeper
from streams.archive.location import Location, locate
from streams.archive.reading import Query, open_archive
from streams.archive.replaying import line_of
from streams.archive.retention import Retention
from streams.database import Database, ensure_indexes, open_database
from streams.keyring import Keyring
from streams.topics import ensure_topics

EVENTS = 1_000_000
ENTITIES = 10_000
SPREAD_MS = 2 * 86_400_000
KILLS = 20
COLUMNS = ("what", "archive (Parquet)", "Kafka (aiokafka)", "JSON lines")
PATIENCE_S = 60.0
"""Without anything new for so long, it is given up."""
ONE = f"p{ENTITIES // 3}"


@dataclass
class Bench:
    """What is measured on."""

    endpoints: Endpoints
    database: Database
    location: Location
    lines: Path
    events: int


def run(*, runs: int = 3, events: int = EVENTS, kills: int = KILLS) -> Report:
    """Medians of `runs` reads; archiving and filling happen once."""
    report = Report(f"archive: {events:,} events of {ENTITIES:,} entities", COLUMNS)
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder) / "s") as servers:
        environment = servers.environment()
        uvloop.run(measure(report, environment, Path(folder), runs, events))
        if kills:
            _tell(f"killing the archiver {kills} times")
            found = uvloop.run(
                killed({**environment, "KAFKA_TOPIC_PREFIX": "kills.", "DATABASE_URL": _other(
                    environment["DATABASE_URL"])}, Path(folder) / "kills", kills)
            )  # fmt: skip
            report.figures |= {
                "kills": kills,
                "kills_events": found.rows,
                "kills_missing": sum(found.missing.values()) + sum(found.beyond.values()),
                "kills_twice": sum(found.twice.values()),
            }
            report.notes.append(
                f"killed {kills} times at random: {found.rows:,} events, "
                f"{report.figures['kills_missing']} missing, {report.figures['kills_twice']} twice"
            )
    return report


def _other(url: str) -> str:
    head, _, options = url.partition("?")
    return f"{head.rpartition('/')[0]}/kills?{options}"


async def measure(
    report: Report, environment: dict[str, str], folder: Path, runs: int, events: int
) -> None:
    """On these servers. Raises RuntimeError where the three ways do not find the same."""
    endpoints = Endpoints.model_validate(environment)
    await ensure_topics(endpoints)
    database = open_database(endpoints)
    await ensure_indexes(database)
    bench = Bench(endpoints, database, locate("", folder), folder / "history.jsonl", events)
    try:
        _tell(f"filling Kafka with {events:,} events")
        filled_s = await _timed(lambda: _fill(bench))
        report.notes.append(f"filled Kafka with {events / filled_s:,.0f} events/s")
        _tell("archiving")
        archived_s = await _timed(lambda: _archive(bench))
        small = (await open_archive(database, bench.location)).files()
        _tell("making day files")
        keeper = Keeper(database, bench.location, Retention())
        compacted_s = await _timed(lambda: keeper.compact(all_days=True))
        await keeper.clear(at_once=True)
        archive = await open_archive(database, bench.location)
        files, size = archive.files(), sum(one.bytes for one in archive.files())
        _tell("replaying all of it into JSON lines")
        read_s = await _timed(lambda: asyncio.to_thread(_write_lines, bench, archive))
        lines_size = bench.lines.stat().st_size
        kafka_size = _log_size(folder)
        report.figures |= {
            "events": events,
            "archive_events_per_s": round(events / archived_s),
            "compact_s": round(compacted_s, 1),
            "files": len(files),
            "files_before": len(small),
            "bytes_per_event": round(size / events),
            "jsonl_bytes_per_event": round(lines_size / events),
            "kafka_bytes_per_event": round(kafka_size / events),
            "replay_events_per_s": round(events / read_s),
        }
        _row(report, "bytes an event", *(round(n / events) for n in (size, kafka_size, lines_size)))
        await _compare(report, bench, runs)
    finally:
        await database.client.close()


def _log_size(folder: Path) -> int:
    """Bytes of the two topics' logs on Kafka's disk."""
    logs = [one for one in folder.glob("s/**/*.log") if "-" in one.parent.name]
    mine = (one for one in logs if one.parent.name.rpartition("-")[0] in ("observations", "feed"))
    return sum(one.stat().st_size for one in mine)


async def _compare(report: Report, bench: Bench, runs: int) -> None:
    """One entity's history and a query over everything, in each of the three."""
    ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "archive": (lambda: _entity_archive(bench), lambda: _scan_archive(bench)),
        "kafka": (lambda: _entity_kafka(bench), lambda: _scan_kafka(bench)),
        "jsonl": (
            lambda: asyncio.to_thread(_entity_lines, bench),
            lambda: asyncio.to_thread(_scan_lines, bench),
        ),
    }
    for number, (name, what) in enumerate((("entity_history", "one entity's history, s"),
                                           ("full_scan", "count by day and kind, s"))):  # fmt: skip
        found, seconds = {}, {}
        for way, calls in ways.items():
            times = []
            _tell(f"{name}: {way}")
            for _ in range(runs if way == "archive" else 1):
                began = time.perf_counter()
                found[way] = await calls[number]()
                times.append(time.perf_counter() - began)
            seconds[way] = median(times)
        if len({repr(answer) for answer in found.values()}) != 1:
            raise RuntimeError(f"{name}: the three do not agree: {found}")
        report.figures |= {
            f"{name}_s": round(seconds["archive"], 3),
            f"{name}_kafka_s": round(seconds["kafka"], 2),
            f"{name}_jsonl_s": round(seconds["jsonl"], 2),
        }
        _row(report, what, *(round(seconds[way], 3) for way in ways))


def _row(report: Report, what: str, archive: Any, kafka: Any, lines: Any) -> None:
    columns = report.columns
    report.rows.append(dict(zip(columns, (what, archive, kafka, lines), strict=True)))


def _tell(step: str) -> None:
    """It takes minutes: which one this is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {step}\n")


async def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


async def _fill(bench: Bench) -> None:
    """Whole batches with timestamps of the last two days."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bench.endpoints.bootstrap, acks="all", max_batch_size=900_000
    )
    await producer.start()
    begin_ms = unix_ms() - SPREAD_MS
    parts = bench.endpoints.kafka_partitions
    batches: dict[tuple[str, int], Any] = {}
    sent: list[asyncio.Future[Any]] = []
    for number in range(bench.events):
        at_ms = begin_ms + number * SPREAD_MS // bench.events
        topic, key, value = _event(number, at_ms)
        place = bench.endpoints.topic(topic.name), partition_of(key, parts)
        batch = batches.get(place) or producer.create_batch()
        if not batch.append(key=key, value=value, timestamp=at_ms, headers=[]):
            sent.append(await producer.send_batch(batch, place[0], partition=place[1]))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=at_ms, headers=[])
        batches[place] = batch
    for place, batch in batches.items():
        sent.append(await producer.send_batch(batch, place[0], partition=place[1]))
    await asyncio.gather(*sent)
    await producer.stop()


def _event(number: int, at_ms: int) -> tuple[Topic, bytes, bytes]:
    entity = f"p{number % ENTITIES}"
    if number % 5 in (1, 3):
        line = FeedLine(
            organization_id="bench", type="product", entity_id=entity, id=f"l{number}",
            kind=("changed", "arrived")[number % 2], label="Ceylon BOPF tea 400 g",
            source="woocommerce", fields={"price": str(1000 + number)}, version=number,
            at_ms=at_ms, latency_ms=number % 90,
        )  # fmt: skip
        return FEED, b"bench", encode(line)
    found = replace(observation(number, at_ms), entity_id=entity)
    return OBSERVATIONS, found.key, encode(found)


async def _archive(bench: Bench) -> None:
    archiver = Archiver(
        bench.endpoints,
        bench.database,
        bench.location,
        Erasures(bench.database, Keyring([b"k" * 32])),
        every_s=2.0,
        spare_mb=0,
    )
    done, rounds = 0, archiver.rounds()
    while done < bench.events:
        done += await asyncio.wait_for(anext(rounds), PATIENCE_S)
    await rounds.aclose()


def _write_lines(bench: Bench, archive: Any) -> None:
    """A replay of everything, in order, into JSON lines."""
    with bench.lines.open("wb") as file:
        for batch in archive.batches(Query()):
            file.writelines(map(line_of, batch))


# One entity's history: how many events, and the last one's place


async def _entity_archive(bench: Bench) -> tuple[int, int]:
    archive = await open_archive(bench.database, bench.location)
    query = Query(organization="bench", types=frozenset({"product"}), entity_id=ONE)
    events = await asyncio.to_thread(lambda: list(archive.read(query)))
    return len(events), events[-1].at_ms


async def _entity_kafka(bench: Bench) -> tuple[int, int]:
    found: list[int] = []
    async for record in _records(bench):
        if orjson.loads(record.value)["entityId"] == ONE:
            found.append(record.timestamp)
    return len(found), max(found)


def _entity_lines(bench: Bench) -> tuple[int, int]:
    found = []
    with bench.lines.open("rb") as file:
        for line in file:
            told = orjson.loads(line)
            if told["entityId"] == ONE and told["type"] == "product":
                found.append(epoch_ms(told["at"]))
    return len(found), max(found)


# A question to everything: events by topic and kind


async def _scan_archive(bench: Bench) -> list[tuple[str, str, int]]:
    archive = await open_archive(bench.database, bench.location)

    def ask() -> list[tuple[str, str, int]]:
        events = archive.dataset(archive.files())  # DuckDB finds it by its name
        with duckdb.connect() as connection:
            connection.register("events", events)
            return connection.execute(
                "select topic, kind, count(*) from events group by all order by all"
            ).fetchall()

    return await asyncio.to_thread(ask)


async def _scan_kafka(bench: Bench) -> list[tuple[str, str, int]]:
    prefix = len(bench.endpoints.topic_prefix)
    counts: Counter[tuple[str, str]] = Counter()
    async for record in _records(bench):
        counts[record.topic[prefix:], orjson.loads(record.value)["kind"]] += 1
    return [(*place, number) for place, number in sorted(counts.items())]


def _scan_lines(bench: Bench) -> list[tuple[str, str, int]]:
    counts: Counter[tuple[str, str]] = Counter()
    with bench.lines.open("rb") as file:
        for line in file:
            told = orjson.loads(line)
            counts[told["topic"], told["kind"]] += 1
    return [(*place, number) for place, number in sorted(counts.items())]


async def _records(bench: Bench) -> AsyncIterator[Any]:
    """Both topics from their beginning to their end."""
    # Asked to go to the beginning, aiokafka may go where `auto_offset_reset` says instead.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bench.endpoints.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        places = [
            TopicPartition(bench.endpoints.topic(topic.name), number)
            for topic in (OBSERVATIONS, FEED)
            for number in range(bench.endpoints.kafka_partitions)
        ]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        left, end_s = sum(ends.values()), time.monotonic() + PATIENCE_S
        while left > 0:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                left, end_s = left - len(records), time.monotonic() + PATIENCE_S
                for record in records:
                    yield record
            if time.monotonic() > end_s:
                raise TimeoutError(f"Kafka does not hand out {left:,} events")
    finally:
        await consumer.stop()
