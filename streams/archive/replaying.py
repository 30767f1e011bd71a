"""History for whoever asks: as JSON lines, as Parquet, into another topic. None of it can reach a
platform: what should be there is made so by a forced sync, never by sending old commands again.

A line is `{"cursor", "at", "topic", "organizationId", "event", "type", "entityId", "kind",
"source", "partition", "offset", "timestamp", "key", "headers", "value"}`; `value` is the record's
own JSON, `text` or `base64` stand for it where it is none, `erased` names the erasure that took
personal data out. `cursor` is where to go on behind it.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow.parquet as pq
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import MessageSizeTooLargeError, for_code

from schemas.archive import EVENT_SCHEMA, ArchivedEvent, Place, table_of
from schemas.codec import encode
from schemas.envelope import rfc3339
from schemas.settings import Endpoints
from schemas.topics import TOPICS
from streams.kafka.access import client_settings
from streams.topics import EXISTS, admin

SETTLED_MS = 2_000
"""What is younger may still have older neighbours on their way into other partitions; it is for the
next time, so that whoever goes on from a cursor misses nothing."""
_GROUP = "smartstore-"


class CursorInvalid(ValueError):
    """Not a cursor of ours."""


class TargetRefused(ValueError):
    """History is not written there. The text says why."""


class Target(Protocol):
    """Where events go."""

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """Returns once they are there for good."""
        ...

    async def close(self, *, whole: bool = True) -> None:
        """Finish what is open; not `whole`: it was broken off."""
        ...


def cursor_of(place: Place) -> str:
    """A place as text."""
    return f"{place.at_ms}-{place.partition}-{place.offset}-{place.topic}"


def place_of(cursor: str) -> Place:
    """The place behind which to go on. Raises CursorInvalid."""
    try:
        at_ms, partition, offset, topic = cursor.split("-", 3)
        return Place(int(at_ms), topic, int(partition), int(offset))
    except ValueError as error:
        raise CursorInvalid(f"{cursor!r} is not a cursor: take it as a line gave it") from error


def shown(event: ArchivedEvent) -> dict[str, Any]:
    """The event as a line shows it."""
    line: dict[str, Any] = {
        "cursor": cursor_of(event.place),
        "at": rfc3339(event.at_ms),
        "topic": event.topic,
        "organizationId": event.organization,
        "event": event.event,
        "type": event.type,
        "entityId": event.entity_id,
        "kind": event.kind,
        "source": event.source,
        "partition": event.partition,
        "offset": event.offset,
        "timestamp": rfc3339(event.timestamp_ms),
        "key": event.key.decode("utf-8", "backslashreplace"),
        "headers": {n: v.decode("utf-8", "backslashreplace") for n, v in event.headers},
    }
    if event.raw is not None:
        line["base64"] = base64.b64encode(event.raw).decode()
    elif event.value is None:
        line["value"] = None
    elif (found := _json(event.value)) is not None:
        line["value"] = found
    else:
        line["text"] = event.value
    if event.erasure is not None:
        line["erased"] = event.erasure
    return line


def line_of(event: ArchivedEvent) -> bytes:
    """One line of JSON, with its end."""
    return encode(shown(event)) + b"\n"


def _json(text: str) -> msgspec.Raw | None:
    """The text as it is, where it is JSON on one line."""
    with contextlib.suppress(msgspec.MsgspecError):
        msgspec.json.decode(text)
        return msgspec.Raw(text.encode()) if "\n" not in text else msgspec.Raw(_flat(text))
    return None


def _flat(text: str) -> bytes:
    return encode(msgspec.json.decode(text))


class Lines:
    """JSON lines behind what a file holds. `keep`: so many of its bytes; what a crash left behind
    them goes."""

    def __init__(self, path: Path, keep: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        if keep is not None:
            self._file.truncate(keep)
            self._file.seek(keep)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """In the file, as far as the system goes."""
        self._file.write(b"".join(map(line_of, events)))
        self._file.flush()

    async def close(self, *, whole: bool = True) -> None:
        """Close it."""
        self._file.close()


class Parquet:
    """One file with the archive's columns; it is there when it is closed, and only if it is
    whole."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._writer = pq.ParquetWriter(self._part, EVENT_SCHEMA, compression="zstd")

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """In the part."""
        self._writer.write_table(table_of(list(events)))

    async def close(self, *, whole: bool = True) -> None:
        """The part becomes the file, or goes."""
        self._writer.close()
        if whole:
            self._part.replace(self._path)
        else:
            self._part.unlink()


class ParquetParts:
    """A folder of files, named by the place of their first event: a part written again after a
    crash takes the place of the first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """A file of their own."""
        part = Parquet(self._folder / f"{cursor_of(events[0].place)}.parquet")
        await part.put(events)
        await part.close()

    async def close(self, *, whole: bool = True) -> None:
        """Nothing is open."""


class TopicTarget:
    """Another topic of the same Kafka: keys, values, headers and timestamps as they were, and where
    they came from in `x-replayed-from`. Errors: KafkaError."""

    def __init__(self, endpoints: Endpoints, name: str) -> None:
        """Raises TargetRefused for a topic of the product: what is in there is acted on."""
        ours = {topic.name for topic in TOPICS} | {endpoints.topic(topic.name) for topic in TOPICS}
        if name in ours or name.startswith((_GROUP, endpoints.topic(_GROUP), "__")):
            raise TargetRefused(
                f"{name} is a topic of SmartStore's own: what is put there is acted on. Choose "
                "another name."
            )
        self._endpoints = endpoints
        self._name = name
        self._producer: AIOKafkaProducer | None = None
        self.too_large = 0
        """Events that are not in the topic: Kafka takes no more than 1 MB."""

    async def put(self, events: Sequence[ArchivedEvent]) -> None:
        """Returns once Kafka has acknowledged them all."""
        producer = await self._open()
        sent = []
        for event in events:
            told = f"{event.topic}/{event.partition}/{event.offset}".encode()
            try:
                sent.append(
                    await producer.send(
                        self._name,
                        event.body,
                        key=event.key,
                        timestamp_ms=event.timestamp_ms,
                        headers=[*event.headers, ("x-replayed-from", told)],
                    )
                )
            except MessageSizeTooLargeError:
                self.too_large += 1
        for one in sent:
            await one

    async def close(self, *, whole: bool = True) -> None:
        """Send what is buffered."""
        if self._producer is not None:
            await self._producer.stop()

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            await self._make()
            producer = AIOKafkaProducer(
                **client_settings(self._endpoints), acks="all", enable_idempotence=True
            )
            await producer.start()
            self._producer = producer
        return self._producer

    async def _make(self) -> None:
        new = NewTopic(
            self._name, self._endpoints.kafka_partitions, self._endpoints.kafka_replication
        )
        async with admin(self._endpoints) as client:
            if self._name not in await client.list_topics():
                made = await client.create_topics([new])
                for name, code, *_ in made.topic_errors:
                    if code not in (0, EXISTS):
                        raise for_code(code)(f"topic {name}")


async def replay(
    batches: AsyncIterator[list[ArchivedEvent]], target: Target, limit: int | None = None
) -> AsyncIterator[tuple[int, Place]]:
    """Put events into the target, at most `limit`; yields after each list that is there for good
    (events so far, place of the last)."""
    done = 0
    async for batch in batches:
        if limit is not None:
            batch = batch[: limit - done]
        if batch:
            await target.put(batch)
            done += len(batch)
            yield done, batch[-1].place
        if limit is not None and done >= limit:
            return
