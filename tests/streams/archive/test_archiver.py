"""The archiver against a real Kafka and MongoDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.codec import encode
from schemas.feed import FeedLine
from schemas.observation import Observation, Seen
from schemas.topics import FEED, OBSERVATIONS
from streams.archive.keeping import Keeper
from streams.archive.manifest import MovedOn
from streams.archive.reading import Query
from streams.archive.retention import Retention
from streams.kafka import Outgoing
from tests.streams.archive.conftest import Store, places

pytestmark = pytest.mark.servers

T0 = 1_795_000_000_000


def seen(number: int, organization: str = "kandy") -> Outgoing:
    wire = Observation(
        organization_id=organization,
        type="product",
        entity_id=f"p{number % 5}",
        id=f"o{number}",
        replica="woocommerce",
        seen=Seen(external_id=str(number % 5), fields={"price": f"{number}.5"}),
        received_at_ms=T0 + number,
    )
    return Outgoing(OBSERVATIONS, wire.key, encode(wire), [("ce_type", b"observation.seen")])


def told(number: int) -> Outgoing:
    line = FeedLine(
        organization_id="kandy",
        type="product",
        entity_id="p1",
        id=f"l{number}",
        kind="changed",
        source="woocommerce",
        version=number,
        at_ms=T0 + number,
    )
    return Outgoing(FEED, b"kandy", encode(line))


async def test_what_was_sent_is_read_again_as_it_was(store: Store) -> None:
    sent = [*(seen(n) for n in range(20)), *(seen(n, "galle") for n in range(3)), told(1)]
    await store.publish(*sent)
    await store.archive(len(sent))
    archive = await store.open()
    events = list(archive.read(Query()))
    assert sorted(e.body or b"" for e in events) == sorted(one.value or b"" for one in sent)
    assert len(set(places(events))) == len(sent)
    assert [e.place for e in events] == sorted(e.place for e in events)
    asked = Query(
        organization="kandy", types=frozenset({"product"}), entity_id="p1",
        topics=frozenset({"observations"}),
    )  # fmt: skip
    mine = list(archive.read(asked))
    assert [e.body for e in mine] == [seen(n).value for n in (1, 6, 11, 16)]
    assert archive.count(asked) == 4
    first = mine[0]
    assert (first.kind, first.source, first.event) == ("seen", "woocommerce", "observation.seen")
    assert first.headers == (("ce_type", b"observation.seen"),)
    assert list(archive.read(replace(asked, after=mine[1].place))) == mine[2:]
    assert {one.organization for one in archive.files("galle")} == {"galle"}


async def test_the_loser_of_two_archivers_begins_again(store: Store) -> None:
    await store.publish(*(seen(n) for n in range(4)))
    slow, quick = store.archiver().rounds(), store.archiver().rounds()
    assert await anext(slow) == 4
    await store.publish(*(seen(n) for n in range(4, 8)))
    assert await anext(quick) == 4
    with pytest.raises(MovedOn):
        await anext(slow)
    await slow.aclose()
    await quick.aclose()
    events = list((await store.open()).read(Query()))
    assert len(events) == len(set(places(events))) == 8


async def test_small_files_become_day_files(store: Store) -> None:
    for start in range(0, 30, 10):
        await store.publish(*(seen(n) for n in range(start, start + 10)))
        await store.archive(10)
    before = await store.open()
    keeper = store.keeper()
    assert await keeper.compact() == 0
    assert await keeper.compact(all_days=True) == len(before.files()) >= 3
    after = await store.open()
    assert len(after.files()) == len({one.day for one in before.files()})
    assert list(after.read(Query())) == list(before.read(Query()))
    assert await keeper.clear() == 0
    assert await keeper.clear(at_once=True) == len(before.files())
    there = {name for name, _ in store.location.listed()}
    assert there == {one.name for one in after.files()}


async def test_what_no_manifest_names_goes(store: Store) -> None:
    await store.publish(*(seen(n) for n in range(3)))
    await store.archive(3)
    with store.location.writing("kandy/feed/2026-11-22/1-left.parquet") as stream:
        stream.write(b"half")
    keeper = store.keeper()
    assert await keeper.sweep() == 0
    late = Keeper(store.database, store.location, Retention(), lambda: int(2e12))
    assert await late.sweep() == 1
    assert len(list((await store.open()).read(Query()))) == 3


async def test_what_is_old_enough_goes(store: Store) -> None:
    await store.publish(*(seen(n) for n in range(3)), told(1))
    await store.archive(4)
    at_ms = max(one.to_ms for one in (await store.open()).files())
    keeper = Keeper(
        store.database, store.location, Retention(400, {"kandy/observations": 30}),
        lambda: at_ms + 31 * 86_400_000,
    )  # fmt: skip
    await keeper.retain()
    assert {event.topic for event in (await store.open()).read(Query())} == {"feed"}
