"""Kills the archiver at random moments while events come in, then reads every offset that it has
put into files: none missing, none twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from benchmarks.reconcile import observation
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.settings import Endpoints
from schemas.topics import FEED, OBSERVATIONS
from streams.archive.checking import Finding, check
from streams.archive.location import Location, locate
from streams.archive.manifest import Manifest
from streams.archive.reading import open_archive
from streams.database import Database, open_database
from streams.kafka import Outgoing, Publisher
from streams.topics import ensure_topics

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 1.5
BATCH = 200
DRAINED_S = 90.0


async def killed(environment: Mapping[str, str], home: Path, kills: int, seed: int = 1) -> Finding:
    """What is in the archive after so many kills and one run to the end. `environment` names the
    servers, `home` a folder of its own."""
    endpoints = Endpoints.model_validate({k: v for k, v in environment.items() if k.isupper()})
    await ensure_topics(endpoints)
    location = locate("", home)
    database, publisher = open_database(endpoints), Publisher(endpoints)
    chance = random.Random(seed)  # noqa: S311
    try:
        sent = asyncio.create_task(_events(publisher))
        for _ in range(kills):
            async with _archiver(environment, home) as process:
                await _moved(database, location)
                await asyncio.sleep(chance.uniform(0.0, LONGEST_S))
                process.kill()
        sent.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sent
        async with _archiver(environment, home):
            await _drained(database, location, endpoints)
        return await asyncio.to_thread(check, await open_archive(database, location))
    finally:
        await publisher.stop()
        await database.client.close()


async def _events(publisher: Publisher) -> None:
    """Until cancelled."""
    number = 0
    while True:
        found = [observation(number + n, unix_ms()) for n in range(BATCH)]
        records = [Outgoing(OBSERVATIONS, one.key, encode(one)) for one in found]
        records += [Outgoing(FEED, b"bench", encode(one)) for one in found[::4]]
        await publisher.publish(*records)
        number += BATCH
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _archiver(
    environment: Mapping[str, str], home: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The role as the supervisor runs it, in a hurry."""
    given = {
        **os.environ,
        **environment,
        "SMARTSTORE_HOME": str(home),
        "SMARTSTORE_ARCHIVE_SECONDS": "0.2",
        "SMARTSTORE_ARCHIVE_SPARE_MB": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "streams.worker", "archive"),
        env={**given, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _reached(database: Database, location: Location) -> dict[tuple[str, int], int]:
    snapshot = await Manifest(database, location.name).snapshot()
    return {(topic, part): at.next for (_, topic, part), at in snapshot.positions.items()}


async def _moved(database: Database, location: Location) -> None:
    """Returns when it has committed something since."""
    before, end_s = await _reached(database, location), time.monotonic() + DRAINED_S
    while await _reached(database, location) == before:
        if time.monotonic() > end_s:
            raise TimeoutError("the archiver commits nothing")
        await asyncio.sleep(0.05)


async def _drained(database: Database, location: Location, endpoints: Endpoints) -> None:
    """Returns when everything that Kafka has is committed."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.bootstrap)
    await consumer.start()
    try:
        places = [
            TopicPartition(endpoints.topic(topic.name), number)
            for topic in (OBSERVATIONS, FEED)
            for number in range(endpoints.kafka_partitions)
        ]
        found = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    prefix = len(endpoints.topic_prefix)
    ends = {(p.topic[prefix:], p.partition): end for p, end in found.items() if end}
    end_s = time.monotonic() + DRAINED_S
    while True:
        reached = await _reached(database, location)
        if all(reached.get(place, 0) >= end for place, end in ends.items()):
            return
        if time.monotonic() > end_s:
            raise TimeoutError("the archiver does not reach the end")
        await asyncio.sleep(0.1)
