"""The entities' view against a real MongoDB: what stands whatever is repeated, reordered or written
by a woken former owner."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode, encode
from streams.database import Database
from streams.entities import EntityViews, Fences, fence, find_record, id_of, known, search_of
from streams.kafka.records import Incoming
from streams.sync.record import CLAIM_KEY_PREFIX, Agreed, Record, Replica

pytestmark = pytest.mark.servers

LOG = "cluster/"


class Parked(list[str]):
    async def __call__(self, _record: Incoming, reason: str) -> None:
        self.append(reason)


class Changelog:
    """One partition of the topic, as a consumer meets it."""

    def __init__(self) -> None:
        self.records: list[Incoming] = []

    def claim(self) -> int:
        """A new owner; its epoch."""
        offset = self._put(CLAIM_KEY_PREFIX + f"o{len(self.records)}".encode(), b"{}")
        return offset + 1

    def write(self, entity_id: str, epoch: int, version: int, **named: Any) -> int:
        record = entity(entity_id, epoch, version, **named)
        return self._put(f"kandy/{record.type}/{entity_id}".encode(), encode(record))

    def erase(self, entity_id: str) -> int:
        return self._put(f"kandy/product/{entity_id}".encode(), b"")

    def since(self, offset: int) -> list[Incoming]:
        return [record for record in self.records if record.offset >= offset]

    def _put(self, key: bytes, value: bytes) -> int:
        offset = len(self.records)
        self.records.append(
            Incoming("entities-changelog", 1, offset, 1_795_000_000_000, key, value)
        )
        return offset


def entity(entity_id: str, epoch: int, version: int, **named: Any) -> Record:
    values: dict[str, Any] = {
        "fields": {
            "sku": Agreed("TEA-BOPF-400", 1, "mongodb"),
            "name": Agreed("Dilmah Earl Grey", 1, "mongodb"),
        },
        "replicas": {"woocommerce": Replica(external_id="412", exists=True, etag="w1")},
    }
    return Record(
        "kandy", named.pop("type", "product"), entity_id, epoch, version, **values | named
    )


async def versions(database: Database) -> dict[str, int]:
    return {row["entityId"]: row["version"] async for row in database["ss_entities"].find()}


async def test_a_row_tells_what_the_record_tells(fresh: Database) -> None:
    log = Changelog()
    log.write("p1", 3, 7)
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    row = await fresh["ss_entities"].find_one({"_id": "kandy/product/p1"})
    assert row is not None
    assert (row["organizationId"], row["type"], row["entityId"]) == ("kandy", "product", "p1")
    assert (row["label"], row["sku"]) == ("Dilmah Earl Grey", "TEA-BOPF-400")
    assert (row["epoch"], row["version"], row["atMs"]) == (3, 7, 1_795_000_000_000)
    assert row["replicas"] == [
        {"name": "woocommerce", "externalId": "412", "exists": True, "etag": "w1"}
    ]
    assert row["record"] == log.records[0].value
    assert await find_record(fresh, "kandy", "product", "p1") == entity("p1", 3, 7)
    assert await find_record(fresh, "galle", "product", "p1") is None


async def test_the_newest_stands_whatever_is_repeated(fresh: Database) -> None:
    log = Changelog()
    for version in range(1, 6):
        log.write("p1", 1, version)
    views = EntityViews(fresh, LOG, Parked())
    await views.handle(log.records)
    await views.handle(log.records[1:3])
    log.write("p2", 1, 1)
    await views.handle([log.records[0], log.records[5]])
    assert await versions(fresh) == {"p1": 5, "p2": 1}


async def test_a_woken_former_owner_changes_nothing_behind_a_claim(fresh: Database) -> None:
    log = Changelog()
    old = log.claim()
    log.write("p1", old, 1)
    new = log.claim()
    late = log.write("p1", old, 2)
    alone = log.write("p2", old, 9)
    await EntityViews(fresh, LOG, Parked()).handle(log.records[:late])
    # A restart: the claim was read by a consumer that is gone.
    await EntityViews(fresh, LOG, Parked()).handle(log.since(late))
    # What is all there is beats nothing, as in the table's own recovery.
    assert await versions(fresh) == {"p1": 1, "p2": 9}
    log.write("p2", new, 1)
    await EntityViews(fresh, LOG, Parked()).handle(log.since(alone))
    assert await versions(fresh) == {"p1": 1, "p2": 1}


async def test_read_again_from_the_start_it_comes_out_the_same(fresh: Database) -> None:
    log = Changelog()
    first = log.claim()
    log.write("p1", first, 1)
    second = log.claim()
    log.write("p1", first, 2)
    log.write("p1", second, 2, fields={"name": Agreed("New", 2, "mongodb")})
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    await fresh["ss_entities"].delete_many({})
    views = EntityViews(fresh, LOG, Parked())
    for record in log.records:
        await views.handle([record])
    row = await fresh["ss_entities"].find_one({"_id": "kandy/product/p1"})
    assert row is not None
    assert (row["label"], row["epoch"]) == ("New", second)


async def test_an_erased_entity_has_no_row(fresh: Database) -> None:
    log = Changelog()
    log.write("p1", 1, 1)
    log.write("p2", 1, 1)
    log.erase("p1")
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    assert await versions(fresh) == {"p2": 1}


async def test_in_a_new_log_epochs_begin_anew(fresh: Database) -> None:
    old, new = Changelog(), Changelog()
    old.write("p1", 900, 40)
    new.write("p1", 1, 1)
    await EntityViews(fresh, LOG, Parked()).handle(old.records)
    await EntityViews(fresh, "other/", Parked()).handle(new.records)
    assert await versions(fresh) == {"p1": 1}


async def test_what_is_no_record_is_parked_and_the_rest_goes_on(fresh: Database) -> None:
    log, parked = Changelog(), Parked()
    log.write("p1", 1, 1)
    broken = Incoming("entities-changelog", 1, 1, 0, b"kandy/product/p2", b"\xff")
    await EntityViews(fresh, LOG, parked).handle([*log.records, broken])
    assert len(parked) == 1
    assert await versions(fresh) == {"p1": 1}


@pytest.mark.parametrize(
    "text", ["earl", "GREY dil", "tea-bopf-400", "tea-b", "bopf", "412", "earl-grey", "p1"]
)
async def test_found_by_the_beginning_of_every_word(fresh: Database, text: str) -> None:
    log = Changelog()
    log.write("p1", 1, 1)
    log.write("x9", 1, 1, fields={"name": Agreed("Cinnamon", 1, "mongodb")}, replicas={})
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    found = fresh["ss_entities"].find({"organizationId": "kandy", **search_of(text)})
    assert [row["entityId"] async for row in found] == ["p1"]


@pytest.mark.parametrize("text", ["rey", "earl cinnamon", "4000", ".*"])
async def test_not_found_by_anything_else(fresh: Database, text: str) -> None:
    log = Changelog()
    log.write("p1", 1, 1)
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    found = fresh["ss_entities"].find({"organizationId": "kandy", **search_of(text)})
    assert [row["entityId"] async for row in found] == []


async def test_a_sweep_meets_every_item_once_in_order(
    fresh: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.entities.PAGE", 3)
    log = Changelog()
    numbers = ["9", "10", "100", "a/b", "#"]
    for place, number in enumerate(numbers):
        shop = Replica(external_id=number, exists=True, etag=f"e{number}")
        other = Replica(external_id=f"z{9 - place}", exists=True)
        log.write(f"p{place}", 1, 1, replicas={"woocommerce": shop, "mongodb": other})
    log.write("twin", 1, 1, replicas={"woocommerce": Replica(external_id="100", exists=False)})
    log.write("v", 1, 1, type="variation")
    log.write("q", 1, 1, replicas={"woocommerce:2": Replica(external_id="5", exists=True)})
    await EntityViews(fresh, LOG, Parked()).handle(log.records)

    async def swept(after: str = "") -> list[tuple[str, str]]:
        found = known(fresh, "kandy", "woocommerce", "product", after=after)
        return [(one.external_id, one.entity_id) async for one in found]

    assert [number for number, _ in await swept()] == ["#", "10", "100", "100", "9", "a/b"]
    assert {name for _, name in await swept()} == {"p0", "p1", "p2", "p3", "p4", "twin"}
    assert await swept("100") == [("9", "p0"), ("a/b", "p3")]
    found = known(fresh, "kandy", "woocommerce", "product")
    first = await anext(found)
    assert (first.etag, first.record.entity_id) == ("e#", "p4")


async def test_claims_are_kept_and_told_once(fresh: Database) -> None:
    assert await Fences(fresh, LOG).of(1, [9, 4]) == [4, 9]
    assert await Fences(fresh, LOG).of(1, [9]) == [4, 9]
    assert await Fences(fresh, LOG).of(2, []) == []
    assert await Fences(fresh, "other/").of(1, []) == []


@pytest.mark.parametrize(("offset", "epoch"), [(0, 0), (3, 0), (4, 4), (8, 4), (9, 9), (99, 9)])
def test_the_newest_claim_before_a_record_fences_it(offset: int, epoch: int) -> None:
    assert fence([4, 9], offset) == epoch


def test_a_record_decodes_as_it_was() -> None:
    assert decode(encode(entity("p1", 1, 1)), Record) == entity("p1", 1, 1)


async def test_an_id_is_found_by_what_people_call_it(fresh: Database) -> None:
    log = Changelog()
    log.write("p1", 3, 7)
    log.write("o1", 3, 7, type="order", fields={"number": Agreed("2009", 1, "web")})
    for name in ("p2", "p3"):
        log.write(name, 3, 7, fields={"sku": Agreed("TWICE", 1, "web")})
    await EntityViews(fresh, LOG, Parked()).handle(log.records)
    for kind, name, found in (
        ("product", "p1", "p1"), ("product", "TEA-BOPF-400", "p1"), ("order", "2009", "o1"),
        ("product", "2009", "2009"), ("product", "TWICE", "TWICE"), ("order", "x", "x"),
    ):  # fmt: skip
        assert await id_of(fresh, "kandy", kind, name) == found
    assert await id_of(fresh, "galle", "order", "2009") == "2009"
