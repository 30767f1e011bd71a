"""Makes the topics, on purpose: a source and its table must have equal partition counts, and a
topic that Kafka makes by itself has none of this."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, for_code

from schemas.settings import Endpoints
from schemas.topics import TOPICS, Topic
from streams.kafka.access import client_settings

PATIENCE_S = 30.0
EXISTS = 36
"""Kafka's error code TOPIC_ALREADY_EXISTS."""


class TopicMismatch(RuntimeError):
    """A topic is there with other partitions than the setting says. Only a person can choose."""


@contextlib.asynccontextmanager
async def admin(endpoints: Endpoints) -> AsyncIterator[AIOKafkaAdminClient]:
    """Kafka's admin client, for as long as it takes."""
    client = AIOKafkaAdminClient(**client_settings(endpoints), request_timeout_ms=15_000)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def ensure_topics(endpoints: Endpoints) -> None:
    """Make what is missing. Safe to call from every process at once; waits a while for a broker
    that is starting. Raises TopicMismatch, KafkaError."""
    async for attempt in stamina.retry_context(
        on=(KafkaConnectionError, KafkaTimeoutError),
        attempts=None,
        timeout=PATIENCE_S,
        wait_initial=0.2,
        wait_max=2.0,
    ):
        with attempt:
            await _ensure(endpoints)


async def _ensure(endpoints: Endpoints) -> None:
    async with admin(endpoints) as client:
        there = set(await client.list_topics())
        missing = [topic for topic in TOPICS if endpoints.topic(topic.name) not in there]
        if missing:
            made = await client.create_topics([_new(endpoints, topic) for topic in missing])
            for name, code, *_ in made.topic_errors:
                if code not in (0, EXISTS):
                    raise for_code(code)(f"topic {name}")
        await _check(client, endpoints)


async def history_of(endpoints: Endpoints) -> str:
    """Names the log that our offsets belong to: another cluster, or prefix, is another history."""
    async with admin(endpoints) as client:
        found = await client.describe_cluster()
    return f"{found.get('cluster_id')}/{endpoints.topic_prefix}"


async def _check(client: AIOKafkaAdminClient, endpoints: Endpoints) -> None:
    """Every topic has the partitions it should. New ones take a moment to show."""
    names = [endpoints.topic(topic.name) for topic in TOPICS]
    for _ in range(50):
        found = {
            row["topic"]: len(row["partitions"])
            for row in await client.describe_topics(names)
            if not row["error_code"]
        }
        if len(found) == len(names):
            break
        await asyncio.sleep(0.1)
    for topic in TOPICS:
        wanted = topic.partitions or endpoints.kafka_partitions
        has = found.get(endpoints.topic(topic.name))
        if has != wanted:
            raise TopicMismatch(
                f"topic {endpoints.topic(topic.name)} has {has} partitions, KAFKA_PARTITIONS says "
                f"{wanted}. Set KAFKA_PARTITIONS={has}, or start with a new KAFKA_TOPIC_PREFIX."
            )


def _new(endpoints: Endpoints, topic: Topic) -> NewTopic:
    config = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(topic.max_bytes),
        "min.insync.replicas": str(max(1, endpoints.kafka_replication - 1)),
    }
    if topic.retention_ms is not None and not topic.compacted:
        config["retention.ms"] = str(topic.retention_ms)
    if topic.compacted:
        config["min.compaction.lag.ms"] = "600000"
    return NewTopic(
        name=endpoints.topic(topic.name),
        num_partitions=topic.partitions or endpoints.kafka_partitions,
        replication_factor=endpoints.kafka_replication,
        topic_configs=config,
    )
