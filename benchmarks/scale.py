"""More than one worker: what two cost beside one, how long a killed one is missed, and what people
notice of a rolling restart.

Backlog: the same observations for one worker process and for two. Workers are stopped (SIGSTOP)
while their topic is filled, so that all of it is there, and its partitions are shared out, when
they begin. Kafka and the workers share this machine's cores: the rate of two says little where
these are few, the CPU an event costs says what more cores would bring.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.reconcile import observation
from benchmarks.report import Report, median
from benchmarks.scale_restart import rolling_restart
from benchmarks.scale_workers import Workers
from runtime.progress import ProgressReader
from runtime.servers import LocalServers
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.settings import Endpoints
from schemas.topics import OBSERVATIONS
from streams.kafka import Outgoing, Publisher
from streams.topics import ensure_topics

EVENTS = 40_000
QUICK_EVENTS = 10_000
RATE = 200
GROUP = "smartstore-reconcile"
SETTLES_S = 120.0
NAMES = {1: "one", 2: "two", 4: "four"}
MOST_CPU, MOST_REPLACE_S, MOST_P99_MS = 1.2, 20.0, 5_000.0


def run(*, runs: int = 3, quick: bool = False) -> Report:
    """Medians of `runs` runs; the restart once."""
    report = Report("scale: reconcile workers, 4 partitions", ("what", "found", "wanted"))
    backlogs(report, runs=runs, quick=quick)
    sys.stderr.write("rolling restart of the whole product\n")
    restart = rolling_restart(rate=RATE, quick=quick)
    report.figures |= restart
    report.rows += [
        {"what": f"rolling restart of {restart['restarts']} processes at {RATE} edits/s: lost",
         "found": restart["lost"], "wanted": 0},
        {"what": "  from an edit in MongoDB to the shop, p50 ms", "found": restart["p50_ms"]},
        {"what": "  p99 ms", "found": restart["p99_ms"], "wanted": MOST_P99_MS},
    ]  # fmt: skip
    return report


def backlogs(report: Report, *, runs: int, quick: bool) -> None:
    """One worker, two, and four where there is time."""
    counts = (1, 2) if quick else (1, 2, 4)
    events = QUICK_EVENTS if quick else EVENTS
    with tempfile.TemporaryDirectory() as folder, LocalServers(Path(folder)) as servers:
        environment = {**os.environ, **servers.environment()}
        found = [
            {count: asyncio.run(_backlog(environment, number, count, events)) for count in counts}
            for number in range(runs)
        ]
    for count in counts:
        name = NAMES[count]
        of_it = [row[count] for row in found]
        figures = {key: round(median([row[key] for row in of_it]), 2) for key in ("rate", "cpu")}
        split = of_it[-1]["split"]
        shares = [sum(one.values()) for one in split]
        report.figures |= {f"{name}_{key}": value for key, value in figures.items()}
        report.rows += [
            {"what": f"{name} worker{'s' * (count > 1)}: observations/s", "found": figures["rate"]},
            {"what": "  CPU s per 100,000", "found": figures["cpu"]},
        ]
        if count == 1:
            continue
        ratio = round(median([row[count]["cpu"] / row[1]["cpu"] for row in found]), 2)
        replaced_s = round(median([row["replaced_s"] for row in of_it]), 1)
        report.figures |= {
            f"{name}_cpu_ratio": ratio, f"{name}_split": split, f"{name}_replaced_s": replaced_s,
        }  # fmt: skip
        report.rows += [
            {"what": "  CPU of one event beside that of one worker", "found": ratio,
             "wanted": MOST_CPU},
            {"what": "  partitions of each", "found": ", ".join(str(len(one)) for one in split)},
            {"what": "  events of each", "found": ", ".join(map(str, shares))},
            {"what": "  one is killed: others decide for all its partitions after s",
             "found": replaced_s, "wanted": MOST_REPLACE_S},
        ]  # fmt: skip


async def _backlog(
    environment: dict[str, str], number: int, count: int, events: int
) -> dict[str, Any]:
    sys.stderr.write(f"run {number + 1}: a backlog for {NAMES[count]}\n")
    own = {**environment, "KAFKA_TOPIC_PREFIX": f"{NAMES[count]}{number}."}
    endpoints = Endpoints.of(own)
    await ensure_topics(endpoints)
    with Workers(own, count) as workers:
        await workers.shared_out(endpoints.kafka_partitions)
        began = await _fill(endpoints, workers, events)
        await _emptied(endpoints)
        told = await workers.tallies()
        decided = sum(sum(one["decided"].values()) for one in told)
        found = {
            "cpu": sum(one["cpu"] for one in told) / decided * 100_000,
            "rate": decided / (max(one["last"] for one in told) - began),
            "split": [one["decided"] for one in told],
        }
        if count > 1:
            found["replaced_s"] = await _replaced(endpoints, workers)
    sys.stderr.write(f"  {found}\n")
    return found


async def _fill(endpoints: Endpoints, workers: Workers, events: int) -> float:
    """The backlog, and when the workers were let go."""
    now_ms = unix_ms()
    made = [observation(place, now_ms) for place in range(events)]
    records = [Outgoing(OBSERVATIONS, one.key, encode(one)) for one in made]
    publisher = Publisher(endpoints)
    await publisher.start()
    workers.signal(signal.SIGSTOP)
    try:
        for start in range(0, events, 2000):
            await publisher.publish(*records[start : start + 2000])
    finally:
        began = time.time()
        workers.signal(signal.SIGCONT)
    await publisher.stop()
    return began


async def _emptied(endpoints: Endpoints) -> None:
    """Everything is committed."""
    group = endpoints.topic(GROUP)
    async with ProgressReader(endpoints) as reader, asyncio.timeout(SETTLES_S):
        while True:
            progress = await reader.read({group: (endpoints.topic(OBSERVATIONS.name),)})
            if progress and group in progress:
                ends = {at: end for at, end in progress[group].end.items() if end}
                if ends and all(progress[group].committed.get(at, 0) >= ends[at] for at in ends):
                    return
            await asyncio.sleep(0.2)


async def _replaced(endpoints: Endpoints, workers: Workers) -> float:
    """Seconds from SIGKILL until another has decided something in each partition of the dead."""
    publisher = Publisher(endpoints)
    await publisher.start()
    stop = asyncio.Event()

    async def load() -> None:
        number = 0
        while not stop.is_set():
            found = [observation(number + one, unix_ms()) for one in range(RATE // 10)]
            await publisher.publish(*(Outgoing(OBSERVATIONS, o.key, encode(o)) for o in found))
            number += len(found)
            await asyncio.sleep(0.1)

    loading = asyncio.create_task(load())
    try:
        await asyncio.sleep(2)
        owned = workers.owned(0)
        killed = workers.kill(0)
        async with asyncio.timeout(SETTLES_S):
            while not owned <= workers.took(since=killed).keys():  # noqa: ASYNC110 a thread's
                await asyncio.sleep(0.05)
        return max(workers.took(since=killed)[partition] for partition in owned) - killed
    finally:
        stop.set()
        await loading
        await publisher.stop()
