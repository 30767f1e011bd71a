"""Jobs against a real MongoDB: taken once, gone on with, paused, given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.errors import Paused, Retry
from connectors.protocol import Connection
from streams.database import Database
from streams.directory import Directory
from streams.keyring import Keyring
from streams.links import Links
from streams.upkeep.jobs import LEASE_MS, MOST_ATTEMPTS, Jobs
from streams.upkeep.runner import JobContext, JobFailed, Runner, Tools
from streams.upkeep.schedule import Every, Schedules, usable
from support.waiting import until
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers

ORG = "kandy"


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ms = 1_795_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def tools(fresh: Database, kafka: KafkaLog) -> Tools:
    return Tools(fresh, Directory(fresh, Keyring([b"k" * 32])), kafka, Links(fresh))


async def done(runner: Runner) -> None:
    while await runner.start_waiting():
        await runner.settled()


async def test_a_job_is_done_and_tells_how_far_it_came(tools: Tools) -> None:
    runner = Runner(tools)

    async def count(job: JobContext) -> None:
        for number in range(job.arguments["to"]):
            await job.save(cursor={"number": number}, done=number + 1, total=3)

    runner.register("count", count)
    job = await runner.jobs.queue(ORG, "count", arguments={"to": 3})
    await done(runner)
    found = await runner.jobs.get(ORG, job.id)
    assert found is not None
    assert (found.state, found.done, found.total, found.cursor) == ("done", 3, 3, {"number": 2})
    assert found.ended_at_ms > 0
    assert await runner.jobs.get("galle", job.id) is None


async def test_two_runners_take_each_job_once(tools: Tools) -> None:
    taken: list[str] = []

    async def work(job: JobContext) -> None:
        taken.append(job.job.id)

    runners = [Runner(tools), Runner(tools)]
    for runner in runners:
        runner.register("work", work)
    ids = {(await runners[0].jobs.queue(ORG, "work", alone=False)).id for _ in range(20)}
    await asyncio.gather(*(done(runner) for runner in runners))
    assert sorted(taken) == sorted(ids)


async def test_only_one_is_open_of_a_name(tools: Tools) -> None:
    jobs = Jobs(tools.database)
    first, second = await asyncio.gather(*(jobs.queue(ORG, "drift", "mongodb") for _ in range(2)))
    other = await jobs.queue(ORG, "drift", "woocommerce")
    assert first.id == second.id
    assert other.id != first.id
    assert await jobs.steer(ORG, first.id, "cancel")
    assert (await jobs.queue(ORG, "drift", "mongodb")).id != first.id


async def test_a_dead_owner_is_followed_from_its_cursor(tools: Tools) -> None:
    clock, seen = Clock(), list[Any]()
    jobs = Jobs(tools.database, clock)
    job = await jobs.queue(ORG, "work")
    dead = await jobs.claim(["work"], "dead")
    assert dead is not None
    assert await jobs.save(dead, {"cursor": {"page": 7}})
    assert await jobs.claim(["work"], "other") is None, "its lease holds"
    clock.ms += LEASE_MS + 1
    heir = await jobs.claim(["work"], "heir")
    assert heir is not None
    assert (heir.id, heir.cursor) == (job.id, {"page": 7})
    assert not await jobs.save(dead, {"cursor": {"page": 8}}), "the dead one woke too late"
    seen.append(await jobs.get(ORG, job.id))
    assert seen[0].cursor == {"page": 7}


async def test_a_pause_is_heard_and_resuming_goes_on(tools: Tools) -> None:
    began = asyncio.Event()
    pages: list[int] = []

    async def work(job: JobContext) -> None:
        page = job.cursor.get("page", 0)
        pages.append(page)
        began.set()
        if page == 0:
            await job.save(cursor={"page": 1})
            while True:
                await job.save(done=1)
                await asyncio.sleep(0.01)

    runner = Runner(tools)
    runner.register("work", work)
    job = await runner.jobs.queue(ORG, "work")
    assert await runner.start_waiting()
    await began.wait()
    assert await runner.jobs.steer(ORG, job.id, "pause")
    await asyncio.wait_for(runner.settled(), 10)
    paused = await runner.jobs.get(ORG, job.id)
    assert paused is not None
    assert paused.state == "paused"
    assert not await runner.start_waiting()
    assert await runner.jobs.steer(ORG, job.id, "resume")
    await done(runner)
    found = await runner.jobs.get(ORG, job.id)
    assert found is not None
    assert (found.state, pages) == ("done", [0, 1])
    assert await runner.jobs.steer(ORG, job.id, "pause") is None, "it has ended"


async def test_a_stopping_process_gives_its_job_back_at_once(tools: Tools) -> None:
    began = asyncio.Event()

    async def work(job: JobContext) -> None:
        await job.save(cursor={"page": 4})
        began.set()
        await asyncio.Event().wait()

    runner = Runner(tools)
    runner.register("work", work)
    job = await runner.jobs.queue(ORG, "work")
    running = asyncio.create_task(runner.run())
    await began.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    found = await runner.jobs.get(ORG, job.id)
    assert found is not None
    assert (found.state, found.cursor) == ("queued", {"page": 4})
    assert await runner.jobs.claim(["work"], "next") is not None


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (JobFailed("There is no such shop."), "failed", "There is no such shop."),
        (Paused("the key is wrong"), "failed", "the key is wrong"),
        (Retry("HTTP 503"), "queued", "HTTP 503"),
        (ZeroDivisionError("x"), "failed", "A fault of ours: ZeroDivisionError('x')"),
    ],
)
async def test_what_a_job_raises_decides_how_it_goes_on(
    tools: Tools, error: Exception, state: str, reason: str
) -> None:
    async def work(_job: JobContext) -> None:
        raise error

    runner = Runner(tools)
    runner.register("work", work)
    job = await runner.jobs.queue(ORG, "work")
    await done(runner)
    found = await runner.jobs.get(ORG, job.id)
    assert found is not None
    assert (found.state, found.reason) == (state, reason)


async def test_a_job_that_never_comes_further_fails_in_the_end(tools: Tools) -> None:
    clock = Clock()
    jobs = Jobs(tools.database, clock)
    runner = Runner(tools)
    runner.jobs = jobs

    async def work(_job: JobContext) -> None:
        raise Retry("HTTP 503", retry_after_s=7.0)

    runner.register("work", work)
    job = await jobs.queue(ORG, "work")
    for _ in range(MOST_ATTEMPTS + 1):
        await done(runner)
        clock.ms += 3_600_000
    found = await jobs.get(ORG, job.id)
    assert found is not None
    assert found.state == "failed"
    assert "HTTP 503" in found.reason


async def test_a_schedule_has_one_turn_whoever_looks(tools: Tools) -> None:
    await tools.directory.create_organization(ORG, "Shop")
    clock, jobs = Clock(), Jobs(tools.database)
    every = (
        Every("drift", seconds=600, wanted=lambda connection: connection.platform == "mongodb"),
        Every("daily", seconds=600, wanted=None),
        Every("never", seconds=0),
    )

    def looker() -> Callable[[], Any]:
        return Schedules(tools.database, tools.directory, jobs, every, clock, dice=lambda: 0.5).look

    one, two = looker(), looker()
    assert await one() == 0, "first comes the interval"
    clock.ms += 600_000
    assert sorted(await asyncio.gather(one(), two())) in ([0, 2], [1, 1])
    assert await one() + await two() == 0
    found = {(job.kind, job.replica) for job in await jobs.newest(ORG)}
    assert found == {("drift", "mongodb"), ("daily", "")}
    clock.ms += 600_000
    assert await one() == 2


def test_a_schedule_waits_for_the_person_who_confirms(tools: Tools) -> None:
    shop = Connection(id="1", organization_id=ORG, platform="woocommerce", replica="woocommerce")
    assert usable(shop)
    assert not usable(replace(shop, confirmed=False))
    assert not usable(replace(shop, active=False))


async def test_the_runner_does_what_is_queued_while_it_runs(tools: Tools) -> None:
    async def work(_job: JobContext) -> None:
        return

    runner = Runner(tools)
    runner.register("work", work)
    running = asyncio.create_task(runner.run())
    job = await runner.jobs.queue(ORG, "work")
    found = await until(
        lambda: runner.jobs.get(ORG, job.id), lambda one: one is not None and one.state == "done"
    )
    assert found is not None
    assert found.attempts == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
