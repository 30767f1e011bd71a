"""Links that a person moves; and SKUs that become free."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from connectors.protocol import Sighting
from schemas.codec import decode
from schemas.observation import Seen
from schemas.outcome import Relink
from streams.database import Database
from streams.kafka.records import Outgoing
from streams.links import Links
from streams.relinking import Move, NotLinked, Relinking, plan_merge


def item(kind: str, external_id: str, sku: str) -> Sighting:
    return Sighting(
        type=kind,
        external_id=external_id,
        seen=Seen(external_id=external_id),
        match_keys=(f"sku:{sku}",),
        item_of=external_id if kind == "inventory" else None,
    )


def test_what_only_the_dropped_one_has_is_moved() -> None:
    moves = plan_merge("product", "A", "B", {"mongodb": "a"}, {"woocommerce": "7"}, {})
    assert moves == [Move("product", "woocommerce", "7", "B", "A")]


def test_where_both_have_one_the_kept_ones_stays_unless_said() -> None:
    kept, dropped = {"mongodb": "a", "woocommerce": "8"}, {"mongodb": "b", "woocommerce": "7"}
    assert plan_merge("product", "A", "B", kept, dropped, {}) == []
    assert plan_merge("product", "A", "B", kept, dropped, {"woocommerce": "7"}) == [
        Move("product", "woocommerce", "7", "B", "A", back="8")
    ]


@dataclass
class Kafka:
    """What was published."""

    told: list[Relink] = field(default_factory=list)

    async def publish(self, *records: Outgoing) -> None:
        self.told += [decode(record.value, Relink) for record in records]


async def known(links: Links, replica: str, external_id: str, sku: str) -> str:
    sightings = [item("product", external_id, sku), item("inventory", external_id, sku)]
    entity, stock = await links.resolve("org", replica, sightings)
    assert entity == stock
    return entity


@pytest.mark.servers
async def test_merge_takes_the_stock_along(fresh: Database) -> None:
    links, kafka = Links(fresh), Kafka()
    home = await known(links, "mongodb", "a", "TEA-OLD")
    shop = await known(links, "woocommerce", "7", "TEA-NEW")
    await Relinking(links, kafka).merge("org", "product", home, shop, "nimal")
    assert await links.items("org", "product", home) == {"mongodb": "a", "woocommerce": "7"}
    assert await links.items("org", "inventory", home) == {"mongodb": "a", "woocommerce": "7"}
    assert [(t.type, t.entity_id, t.gives, t.takes, t.delete) for t in kafka.told] == [
        ("product", shop, "7", "", False),
        ("product", home, "", "7", False),
        ("inventory", shop, "7", "", False),
        ("inventory", home, "", "7", False),
    ]
    assert await known(links, "woocommerce:2", "70", "TEA-NEW") == home


@pytest.mark.servers
async def test_doubles_are_deleted(fresh: Database) -> None:
    links, kafka = Links(fresh), Kafka()
    one = await known(links, "mongodb", "a", "TEA-OLD")
    two = await known(links, "mongodb", "b", "TEA-NEW")
    await Relinking(links, kafka).merge("org", "product", one, two, "nimal")
    assert [(t.entity_id, t.delete) for t in kafka.told] == [(two, True)]


@pytest.mark.servers
async def test_split_makes_an_entity_of_its_own(fresh: Database) -> None:
    links, kafka = Links(fresh), Kafka()
    home = await known(links, "mongodb", "a", "TEA")
    assert await known(links, "woocommerce", "7", "TEA") == home
    made = await Relinking(links, kafka).split("org", "product", home, "woocommerce", "nimal")
    assert await links.items("org", "product", home) == {"mongodb": "a"}
    assert await links.items("org", "inventory", made) == {"woocommerce": "7"}
    with pytest.raises(NotLinked, match="nothing to split"):
        await Relinking(links, kafka).split("org", "product", home, "mongodb", "nimal")


@pytest.mark.servers
async def test_a_sku_that_nothing_bears_any_more_is_free(fresh: Database) -> None:
    links = Links(fresh)
    tea = await known(links, "mongodb", "a", "TEA")
    assert await known(links, "woocommerce", "7", "TEA") == tea
    assert await known(links, "mongodb", "a", "TEA-2") == tea
    assert await known(links, "woocommerce:2", "70", "TEA") == tea, "the shop still has it"
    assert await known(links, "woocommerce:2", "70", "TEA-2") == tea
    assert await known(links, "woocommerce", "7", "TEA-2") == tea
    other = await known(links, "mongodb", "b", "TEA")
    assert other != tea
    assert await known(links, "woocommerce", "8", "TEA") == other


@pytest.mark.servers
async def test_exchanged_skus_are_claimed_by_their_new_bearers(fresh: Database) -> None:
    links = Links(fresh)
    one = await known(links, "mongodb", "a", "TEA-A")
    two = await known(links, "mongodb", "b", "TEA-B")
    await links.resolve(
        "org", "mongodb", [item("product", "a", "TEA-B"), item("product", "b", "TEA-A")]
    )
    await links.resolve(
        "org", "mongodb", [item("inventory", "a", "TEA-B"), item("inventory", "b", "TEA-A")]
    )
    assert await known(links, "woocommerce", "7", "TEA-A") == two
    assert await known(links, "woocommerce", "8", "TEA-B") == one
