"""Archive and Kafka as one history."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from schemas.archive import ArchivedEvent, Place, events_of
from schemas.topics import TOPICS
from streams.archive.joined import Sources, history
from streams.archive.location import locate
from streams.archive.reading import Query
from streams.archive.replaying import (
    CursorInvalid,
    Lines,
    ParquetParts,
    TargetRefused,
    TopicTarget,
    cursor_of,
    line_of,
    place_of,
    replay,
)
from tests.streams.archive.conftest import KEYS, Store, places
from tests.streams.archive.test_archiver import seen, told

pytestmark = pytest.mark.servers


def sources(store: Store, home: Path | None = None) -> Sources:
    location = store.location if home is None else locate(str(home), home)
    return Sources(store.endpoints, store.database, location, KEYS)


async def everything(found: Sources, query: Query | None = None) -> list[ArchivedEvent]:
    return [event async for batch in history(found, query or Query()) for event in batch]


async def test_there_is_no_seam(store: Store, tmp_path: Path) -> None:
    """The same history, in the same order, wherever the archive ends and Kafka begins."""
    whole = []
    for start in range(0, 40, 10):
        await store.publish(*(seen(n) for n in range(start, start + 10)), told(start))
        if start in (0, 20):
            await store.archive(11 if start == 0 else 22)
        whole = await everything(sources(store, tmp_path / "nothing"))  # Kafka alone
        assert await everything(sources(store)) == whole
    assert len(whole) == len(set(places(whole))) == 44
    assert [event.place for event in whole] == sorted(event.place for event in whole)
    for query in (
        Query(organization="kandy", entity_id="p3"),
        Query(topics=frozenset({"feed"})),
        Query(since_ms=whole[15].at_ms, until_ms=whole[30].at_ms),
        Query(after=whole[17].place, partition=whole[20].partition),
        Query(organization="galle"),
    ):
        assert await everything(sources(store), query) == [e for e in whole if query.takes(e)]


async def test_it_goes_where_it_is_wanted_and_on_from_where_it_stopped(
    store: Store, tmp_path: Path
) -> None:
    await store.publish(*(seen(n) for n in range(12)))
    await store.archive(12)
    await store.publish(*(seen(n) for n in range(12, 20)))
    whole = await everything(sources(store))
    lines, parts = tmp_path / "some.jsonl", tmp_path / "parts"
    last: Place | None = None
    for limit in (7, None):
        query = Query(after=last)
        for target in (Lines(lines), ParquetParts(parts)):
            steps = replay(history(sources(store), query), target, limit)
            reached = [place async for _, place in steps]
            await target.close()
        last = reached[-1]
    assert lines.read_bytes() == b"".join(map(line_of, whole))
    tables = [events_of(pq.read_table(path)) for path in sorted(parts.iterdir())]
    assert sorted((e for table in tables for e in table), key=lambda e: e.place) == whole
    first = msgspec.json.decode(lines.read_bytes().splitlines()[0])
    assert first["value"] == msgspec.json.decode(whole[0].value or "")
    assert place_of(first["cursor"]) == whole[0].place
    topic = f"{store.endpoints.topic_prefix}mine"
    target_topic = TopicTarget(store.endpoints, topic)
    async for _ in replay(history(sources(store), Query()), target_topic):
        pass
    await target_topic.close()
    assert await everything(sources(store)) == whole  # our own topics are as they were


@pytest.mark.parametrize("topic", [*(topic.name for topic in TOPICS), "__consumer_offsets"])
async def test_never_into_a_topic_of_ours(store: Store, topic: str) -> None:
    for name in (topic, store.endpoints.topic(topic)):
        if not name.endswith("__consumer_offsets") or name == topic:
            with pytest.raises(TargetRefused):
                TopicTarget(store.endpoints, name)


def test_cursors() -> None:
    place = Place(1_795_000_000_000, "entities-changelog", 3, 42)
    assert place_of(cursor_of(place)) == place
    with pytest.raises(CursorInvalid):
        place_of("yesterday")
