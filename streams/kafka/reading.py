"""A topic read by a consumer of our own, without a group, from its beginning to its present end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import Endpoints
from schemas.topics import Topic
from streams.kafka.access import client_settings

Take = Callable[[Sequence[Any]], Awaitable[None]]
"""Takes records of one partition, in order, as aiokafka has them."""


async def read_to_end(
    endpoints: Endpoints,
    topic: Topic,
    partitions: Sequence[int],
    take: Take,
    *,
    last: int | None = None,
) -> dict[int, int]:
    """Hand over everything that is there now, or the last so many offsets of each partition;
    partition to where it ended. Raises KafkaError."""
    places = [TopicPartition(endpoints.topic(topic.name), number) for number in partitions]
    if not places:
        return {}
    consumer = AIOKafkaConsumer(
        **client_settings(endpoints),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
        for place in places:  # aiokafka's seek_to_beginning may go to `auto_offset_reset` instead
            begin = begins[place]
            consumer.seek(place, begin if last is None else max(begin, ends[place] - last))
        unread = {place for place in places if ends[place]}
        while unread:
            for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
                await take([record for record in records if record.offset < ends[place]])
            for place in list(unread):
                if await consumer.position(place) >= ends[place]:
                    unread.discard(place)
        return {place.partition: ends[place] for place in places}
    finally:
        await consumer.stop()
