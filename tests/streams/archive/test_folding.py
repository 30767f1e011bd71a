"""Replayed from the oldest that is retained, history gives exactly the present state: the changelog
cut anywhere into archive and Kafka, its older half shrunk by retention, a customer erased."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.archive import SYSTEM, ArchivedEvent
from schemas.codec import decode, encode
from streams.archive.erasing import Person, erased_all
from streams.archive.files import land
from streams.archive.location import locate
from streams.archive.manifest import Snapshot
from streams.archive.reading import Archive, Query
from streams.archive.retention import newest
from streams.archive.rows import event_of
from streams.kafka.records import Incoming
from streams.sync.record import CLAIM_KEY_PREFIX, Agreed, ClaimMark, Record
from streams.sync.table import EntityStore
from streams.timetravel import Fold

DAY_MS = 86_400_000
T0 = 20_000 * DAY_MS
PARTITIONS = 2
NEEDLE = "771234567"


class Table(EntityStore):
    """The worker's own table, without a worker."""

    def __init__(self) -> None:
        self.data: dict[bytes, Record] = {}
        self._key_partition: dict[bytes, int] = {}
        self.claims: dict[int, int] = {}


def record(number: int, epoch: int, version: int, price: str) -> Record:
    kind = "customer" if number % 2 else "product"
    fields = {"price": Agreed(price, version, "web")}
    if kind == "customer":
        fields = {"name": Agreed(f"Name {price}", version, "web"),
                  "phone": Agreed(f"+94{NEEDLE}", version, "web")}  # fmt: skip
    return Record("kandy", kind, f"e{number}", epoch=epoch, version=version, fields=fields)


STEP = st.tuples(
    st.integers(0, 5),  # entity
    st.sampled_from(("write", "write", "write", "claim", "woken", "delete")),
    st.integers(0, 9),  # price
    st.integers(0, DAY_MS // 2),  # time that passes
)


def changelog(steps: list[tuple[int, str, int, int]]) -> list[ArchivedEvent]:
    """As owners write it: versions rise, epochs are one above their claim's offset; now and then a
    former owner wakes and writes once more."""
    offsets, epochs, former = [0] * PARTITIONS, [0] * PARTITIONS, [0] * PARTITIONS
    versions: dict[int, int] = {}
    events, at_ms = [], T0
    for number, what, price, passes in steps:
        partition, at_ms = number % PARTITIONS, at_ms + passes
        value: Any = b""
        key = f"kandy/{'customer' if number % 2 else 'product'}/e{number}".encode()
        if what == "claim":
            key = CLAIM_KEY_PREFIX + str(offsets[partition]).encode()
            value = encode(ClaimMark("worker", at_ms))
            former[partition], epochs[partition] = epochs[partition], offsets[partition] + 1
        elif what != "delete":
            epoch = former[partition] if what == "woken" else epochs[partition]
            versions[number] = versions.get(number, 0) + 1
            value = encode(record(number, epoch, versions[number], f"{price}.5"))
        row = Incoming("entities-changelog", partition, offsets[partition], at_ms, key, value)
        events.append(event_of(row, "log", at_ms))
        offsets[partition] += 1
    return events


def present(events: list[ArchivedEvent]) -> dict[bytes, Record]:
    table = Table()
    for event in events:
        table.restore(event.partition, event.offset, event.key, event.body)
    return table.data


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_the_present_from_what_is_retained(
    steps: list[tuple[int, str, int, int]], landed: int, kept: int, erases: bool
) -> None:
    events = changelog(steps)
    persons = []
    if erases:
        persons = [Person("x", "kandy", frozenset({("customer", "e1")}), (NEEDLE,), ("Name 1.5",))]
    with TemporaryDirectory() as folder:
        location = locate("", Path(folder))
        old = newest(events[: min(kept, landed)]) if kept else []
        files = land(location, erased_all(old, persons), 2) if old else []
        fresh = events[min(kept, landed) : landed]
        files += land(location, erased_all(fresh, persons)) if fresh else []
        archive = Archive(location, Snapshot(tuple(files), {}))
        query = Query(organization="kandy", system=True)
        replayed = [*archive.read(query), *erased_all(events[landed:], persons)]
    fold = Fold()
    for event in replayed:
        fold.take(event)
    found = {key: version.record() for key, version in fold.held.items()}
    wanted = present(list(erased_all(events, persons)))
    assert found == wanted
    assert {event.organization for event in replayed} <= {"kandy", SYSTEM}
    if erases:
        assert not any(NEEDLE in (event.value or "") for event in replayed)
        assert all(decode(encode(one), Record) == one for one in found.values())
