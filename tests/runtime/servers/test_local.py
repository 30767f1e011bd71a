"""The real servers: start, crash, refusal, return. Marked `servers`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient

from runtime import state
from runtime.errors import AlreadyRunning
from runtime.lock import HomeLock
from runtime.progress import ProgressReader
from runtime.servers import LocalServers
from runtime.settings import ENDPOINTS, ROOT
from runtime.stack import Stack
from schemas.settings import Endpoints

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]

CLEAN = {name: value for name, value in os.environ.items() if name not in ENDPOINTS}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServers]:
    with LocalServers(tmp_path_factory.mktemp("local"), environment=CLEAN) as servers:
        yield servers


def wait_for(check: Callable[[], bool], limit_s: float = 40.0) -> None:
    until_s = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until_s, "did not happen in time"
        time.sleep(0.05)


def test_a_second_start_in_the_same_folder_is_refused(local: LocalServers) -> None:
    with pytest.raises(AlreadyRunning, match=rf"already runs in .* \(pid {os.getpid()}\)"):
        LocalServers(local.home, environment=CLEAN).start()


async def create_topic(kafka_url: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url.removeprefix("kafka://"))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 3, 1)])
    finally:
        await admin.close()


def restarted(local: LocalServers) -> bool:
    return all(s.restarts == 1 and s.state == "ready" for s in local.statuses())


async def test_killed_servers_return_with_their_data_and_ports(local: LocalServers) -> None:
    urls = local.environment()
    await create_topic(urls["KAFKA_URL"], "kept")
    with (
        MongoClient(urls["DATABASE_URL"]) as mongo,
        closing(redis.Redis.from_url(urls["REDIS_URL"])) as cache,
    ):
        mongo.smartstore.things.insert_one({"_id": "kept"})
        cache.set("kept", "yes")
        for name in ("kafka", "mongod", "redis"):
            local.kill(name)
        wait_for(lambda: restarted(local))
        assert mongo.smartstore.things.find_one({"_id": "kept"}) == {"_id": "kept"}
        assert cache.get("kept") == b"yes"
    async with ProgressReader(Endpoints.of(urls)) as reader:
        progress = None
        for _ in range(100):  # the first question makes the coordinator's topic
            progress = progress or await reader.read({"nobody": ["kept"]})
            await asyncio.sleep(0 if progress else 0.1)
    assert progress
    assert progress["nobody"].end == {("kept", number): 0 for number in range(3)}
    assert local.environment() == urls


def test_a_parent_killed_hard_leaves_nothing_and_its_data_opens_again(tmp_path: Path) -> None:
    """Also on other ports: the replica set must find itself under its new name."""
    up = [sys.executable, "-P", "-m", "runtime.cli", "up", "--servers-only", "--json"]
    environment = {**CLEAN, "SMARTSTORE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        up, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout
        ready = json.loads(parent.stdout.readline())
        assert HomeLock(tmp_path).holder() == parent.pid
        pids = [process["pid"] for process in ready["processes"]]
        assert len(pids) == 3
        with MongoClient(ready["environment"]["DATABASE_URL"]) as mongo:
            mongo.smartstore.things.insert_one({"_id": 1})
        parent.kill()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 5)
    assert state.read(tmp_path) is None
    (tmp_path / "ports.json").unlink()
    with (
        Stack(home=tmp_path, entries=(), environment=CLEAN) as stack,
        MongoClient(stack.environment()["DATABASE_URL"]) as mongo,
    ):
        assert mongo.smartstore.things.count_documents({}) == 1


def test_configured_endpoints_win(tmp_path: Path) -> None:
    configured = {
        "KAFKA_URL": "kafka://elsewhere:9092",
        "DATABASE_URL": "mongodb://elsewhere/shop",
        "REDIS_URL": "redis://elsewhere:6379",
    }
    with LocalServers(tmp_path, environment={**CLEAN, **configured}) as servers:
        assert servers.environment() == configured
        assert servers.statuses() == ()
