"""The product on clusters: by settings alone, and with a member of each lost while at work."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic

from runtime.demo.merchant import Merchant
from runtime.servers.certificates import Issued, make_authority
from runtime.servers.clusters import Clusters
from schemas.settings import Endpoints
from schemas.topics import TOPICS
from streams import reach
from streams.cache import open_cache
from streams.kafka.access import client_settings
from streams.topics import admin
from support.small_shop import item, quantities, settled, sku, stock_up
from support.waiting import until

ITEMS = 6
START = 100
ROUNDS = 4

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_each_way_to_say_who_we_are(mechanism: str, environment: dict[str, str]) -> None:
    """The third, SCRAM-SHA-512, is what everything else here uses."""
    endpoints = Endpoints.of({**environment, "KAFKA_SASL_MECHANISM": mechanism})
    producer = AIOKafkaProducer(**client_settings(endpoints))
    await producer.start()
    await producer.stop()
    assert await reach.kafka(endpoints) is None


async def test_brokers_that_demand_a_certificate(clusters: Clusters) -> None:
    """Ours by its file, and by the text itself, as a secret's file of Docker is read."""
    given = clusters.certified()
    for endpoints in (Endpoints.of(given), Endpoints.of({**given, **_read(given)})):
        assert await reach.kafka(endpoints) is None
    topic = f"certified-{secrets.token_hex(4)}"
    async with admin(endpoints) as client:
        await client.create_topics([NewTopic(topic, 1, 3)])
    producer = AIOKafkaProducer(**client_settings(endpoints))
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **client_settings(endpoints))
    await producer.start()
    await consumer.start()
    try:
        await producer.send_and_wait(topic, b"tea")
        assert (await consumer.getone()).value == b"tea"
    finally:
        await consumer.stop()
        await producer.stop()


# Kafka's client leaves connections behind that were refused while they were being opened.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_what_is_wrong_is_told(
    clusters: Clusters, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = make_authority(tmp_path_factory.mktemp("stranger")).issue("other")
    redis_url = environment["REDIS_URL"].replace(environment["KAFKA_PASSWORD"], "wrong")
    certified = clusters.certified()
    spoilt = {
        "refuses KAFKA_USERNAME": {"KAFKA_PASSWORD": "wrong"},
        "is not trusted": {"KAFKA_TLS_CA": str(stranger.authority)},
        "takes the connection and does not answer": {
            "KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_USERNAME": "", "KAFKA_PASSWORD": "",
        },
        "the cluster has 3": {"KAFKA_REPLICATION": "4"},
        "Redis refuses us": {"REDIS_URL": redis_url},
    }  # fmt: skip
    for change in ({"KAFKA_TLS_CERTIFICATE": "", "KAFKA_TLS_KEY": ""}, _shown(stranger)):
        trouble = await reach.kafka(Endpoints.of({**certified, **change}))
        assert trouble is not None
        assert "KAFKA_TLS_CERTIFICATE" in trouble.fix
    for words, change in spoilt.items():
        ask = reach.redis if "REDIS_URL" in change else reach.kafka
        trouble = await ask(Endpoints.of({**environment, **change}))
        assert trouble is not None
        assert words in trouble.cause
        assert "wrong" not in f"{trouble.cause}{trouble.fix}"
    assert await reach.troubles(Endpoints.of(environment)) == []


async def test_topics_have_three_copies_two_of_which_must_answer(
    merchant: Merchant, endpoints: Endpoints
) -> None:
    async with admin(endpoints) as client:
        rows = await client.describe_topics([endpoints.topic(topic.name) for topic in TOPICS])
    copies = {len(part["replicas"]) for row in rows for part in row["partitions"]}
    assert copies == {3}


async def test_members_killed_while_at_work_lose_nothing(
    merchant: Merchant, clusters: Clusters, endpoints: Endpoints
) -> None:
    """A sale of each item on both sides in every round; a broker, MongoDB's primary (asked to step
    down, then killed) and one of Redis's primaries go meanwhile."""
    await stock_up(merchant, ITEMS, START)
    await _sell(merchant)
    clusters.kill("kafka-1")
    await _sell(merchant)
    primary = await _step_down(merchant)
    await _sell(merchant)
    clusters.kill(_named(clusters, primary))
    clusters.kill("redis-1")
    await _sell(merchant)
    await settled(merchant, 90)
    left = START - 2 * ROUNDS
    for place in range(ITEMS):
        assert await quantities(merchant, place) == (left, left)
    cache = open_cache(endpoints)
    await cache.set("after", "failover")
    assert await cache.get("after") == "failover"
    await cache.aclose()


def _read(given: dict[str, str]) -> dict[str, str]:
    names = ("KAFKA_TLS_CA", "KAFKA_TLS_CERTIFICATE", "KAFKA_TLS_KEY")
    return {name: Path(given[name]).read_text() for name in names}


def _shown(issued: Issued) -> dict[str, str]:
    return {
        "KAFKA_TLS_CERTIFICATE": str(issued.certificate), "KAFKA_TLS_KEY": str(issued.key),
    }  # fmt: skip


async def _sell(merchant: Merchant) -> None:
    async def one(place: int) -> None:
        await merchant.take_stock(item(merchant, place), 1)
        await merchant.sandbox.sell(merchant.shop.name, sku(place), 1)

    await asyncio.gather(*(one(place) for place in range(ITEMS)))


async def _step_down(merchant: Merchant) -> int:
    """The port of the primary after it."""
    client = merchant.database.client
    before = (await client.admin.command("hello"))["primary"]
    await client.admin.command({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 5})

    async def ask() -> str:
        return str((await client.admin.command("hello")).get("primary"))

    now = await until(ask, lambda found: found not in ("None", before))
    return int(now.rpartition(":")[2])


def _named(clusters: Clusters, port: int) -> str:
    """The member of the replica set that listens there."""
    return next(name for name, number in clusters.ports.items() if number == port)
