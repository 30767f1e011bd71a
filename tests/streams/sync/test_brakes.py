"""Brakes: what a shop says in hundreds waits for a person, as one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.base import entity_key
from schemas.codec import decode, encode
from schemas.feed import ConflictLine
from schemas.observation import Observation, Seen
from schemas.policy import Brakes, Policies
from schemas.topics import CONFLICTS, OBSERVATIONS
from streams.kafka import Incoming, Outgoing
from streams.sync.agent import Reconciler
from streams.sync.contexts import Contexts
from streams.sync.record import Record
from support.engine import T0, context


@dataclass
class Store:
    """The table, in memory."""

    data: dict[bytes, Record] = field(default_factory=dict)

    def put(self, partition: int, key: bytes, record: Record) -> None:
        self.data[key] = record

    def partition_of(self, key: bytes) -> int:
        return 0


@dataclass
class Kafka:
    """Everything published."""

    sent: list[Outgoing] = field(default_factory=list)

    async def publish(self, *records: Outgoing) -> None:
        self.sent.extend(records)


class Shop:
    """A worker that looks after one shop's items."""

    def __init__(self, entity_type: str, count: int, brakes: Brakes, **fields: Any) -> None:
        rules = context(entity_type)
        object.__setattr__(rules, "policies", Policies(brakes=brakes))

        async def load(_organization_id: str) -> Any:
            return rules

        self.type = entity_type
        self.store, self.kafka = Store(), Kafka()
        self.worker = Reconciler(
            self.store,  # type: ignore[arg-type]
            self.kafka,  # type: ignore[arg-type]
            Contexts(load),
            None,  # type: ignore[arg-type]
            epochs={0: 1},
        )
        self.keys = [entity_key("o", entity_type, f"e{n}") for n in range(count)]
        for replica in ("mongodb", "woocommerce"):
            self.says(replica, 1, range(count), **fields)

    def says(self, replica: str, as_of: int, items: Sequence[int], **fields: Any) -> None:
        """Replica's items hold this."""
        chunk = []
        for n in items:
            seen = Seen(external_id=f"{n}", fields=fields, as_of=as_of, changed_at_ms=T0)
            told = Observation(
                organization_id="o",
                type=self.type,
                entity_id=f"e{n}",
                id=f"{replica}{n}",
                replica=replica,
                seen=seen,
                received_at_ms=T0,
            )
            chunk.append(
                Incoming(
                    topic=OBSERVATIONS.name,
                    partition=0,
                    offset=n,
                    key=told.key,
                    value=encode(told),
                    headers=(),
                    timestamp_ms=T0,
                )
            )
        asyncio.run(self._handled(chunk))

    async def _handled(self, chunk: Sequence[Incoming]) -> None:
        await self.worker.handle(chunk)
        await self.worker.tick()

    def held(self, field_name: str) -> int:
        """How many items wait for a person."""
        return sum(field_name in record.conflicts for record in self.store.data.values())

    def agreed(self, field_name: str) -> list[Any]:
        return [self.store.data[key].fields[field_name].value for key in self.keys]


def test_a_shop_that_reports_zero_for_everything_is_held_as_a_whole() -> None:
    shop = Shop("inventory", 60, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(55), quantity=0)
    assert shop.held("quantity") == 55
    assert shop.agreed("quantity") == [7] * 60


def test_a_few_that_are_sold_out_are_not() -> None:
    shop = Shop("inventory", 60, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(12), quantity=0)
    assert shop.held("quantity") == 0
    assert shop.agreed("quantity").count(0) == 12


def test_sales_go_on_while_it_waits() -> None:
    shop = Shop("inventory", 20, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(20), quantity=0)
    shop.says("mongodb", 12, range(1), quantity=6)
    record = shop.store.data[shop.keys[0]]
    assert record.fields["quantity"].value == 6
    assert record.conflicts["quantity"].candidates["woocommerce"] == -1


def test_a_shop_that_takes_it_back_needs_nobody() -> None:
    shop = Shop("inventory", 20, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(20), quantity=0)
    shop.says("woocommerce", 13, range(20), quantity=7)
    assert shop.held("quantity") == 0
    assert shop.agreed("quantity") == [7] * 20
    assert not shop.worker.board.held


def test_prices_that_leap_are_held() -> None:
    shop = Shop("product", 20, Brakes(price_change=0.5, price_items=3), name="Tea", price="100")
    shop.says("woocommerce", 12, range(20), name="Tea", price="10")
    assert shop.held("price") == 20
    assert shop.agreed("price") == ["100"] * 20


def test_prices_that_move_a_little_are_not() -> None:
    shop = Shop("product", 20, Brakes(price_change=0.5, price_items=3), name="Tea", price="100")
    shop.says("woocommerce", 12, range(20), name="Tea", price="80")
    assert shop.held("price") == 0


@pytest.mark.parametrize("limit", [Brakes(stock_share=0), Brakes(least=100)])
def test_can_be_switched_off(limit: Brakes) -> None:
    shop = Shop("inventory", 30, limit, quantity=7)
    shop.says("woocommerce", 12, range(30), quantity=0)
    assert shop.held("quantity") == 0


def test_the_batch_is_told_apart() -> None:
    shop = Shop("inventory", 20, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(20), quantity=0)
    told = [decode(r.value, ConflictLine) for r in shop.kafka.sent if r.topic == CONFLICTS]
    assert {(line.brake, line.policy) for line in told} == {("stock", "brake")}
    assert len({line.id for line in told}) == 20


def test_a_restarted_worker_goes_on_holding() -> None:
    shop = Shop("inventory", 20, Brakes(stock_share=0.2, least=5), quantity=7)
    shop.says("woocommerce", 12, range(10), quantity=0)
    shop.worker.restored()
    shop.says("woocommerce", 12, range(10, 20), quantity=0)
    assert shop.held("quantity") == 20
