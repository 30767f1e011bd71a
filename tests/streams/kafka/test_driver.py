"""What the consumer does when its partitions are taken away while it reads."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as kafka
from faust.types import TP

from streams.kafka.driver import ChunkConsumer

PLACE = TP("observations", 0)


class Rebalancing(ChunkConsumer):
    """Between two generations: what was fetched belongs to the one before."""

    def __init__(self) -> None:
        self._handed_out = {PLACE: 7}
        self.flow_active = True
        self.generations = iter((1, 2))

    @property
    def app(self) -> Any:  # type: ignore[override]
        return self

    @property
    def consumer_generation_id(self) -> int:
        return next(self.generations, 2)

    @property
    def should_stop(self) -> bool:
        return False

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109
        return {PLACE: [object()]}, {PLACE}


async def test_a_partition_that_is_gone_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(_self: Any) -> None:
        raise IllegalStateError("No current assignment for partition")

    monkeypatch.setattr(kafka.Consumer, "perform_seek", gone)
    consumer = Rebalancing()
    assert [found async for found in consumer.getmany(1.0)] == []
    assert vars(consumer)["_handed_out"] == {}, "chunks follow on nothing any more"
