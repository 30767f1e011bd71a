"""Chunks reach their agent all and in order, or the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from schemas.settings import Endpoints
from streams.app import ChunkLost, Events, Order, by_partition, create_app
from streams.kafka.driver import Chunk
from streams.kafka.records import Incoming

PLACE = TP("observations", 0)


@dataclass(eq=False)
class Message:
    """Of Faust's what is looked at; they are kept in sets."""

    tp: TP
    offset: int
    generation_id: int


def event(*offsets: int, after: int | None = None, generation: int = 1, partition: int = 0) -> Any:
    """What an agent is given for a chunk."""
    chunk = Chunk(Incoming("observations", partition, offset, 0, b"", b"") for offset in offsets)
    chunk.after = after
    place = TP("observations", partition)
    message = Message(tp=place, offset=offsets[-1], generation_id=generation)
    return SimpleNamespace(value=chunk, message=message)


@pytest.fixture
def app() -> Any:
    return SimpleNamespace(consumer_generation_id=1, consumer=SimpleNamespace(unacked=set()))


def test_chunks_in_order_are_handled(app: Any) -> None:
    order = Order(app)
    assert order.follows(event(0, 1, 2))
    assert order.follows(event(3, 4, after=2))


def test_a_chunk_that_did_not_come_ends_the_process(app: Any) -> None:
    order = Order(app)
    order.follows(event(0, 1, 2))
    with pytest.raises(ChunkLost):
        order.follows(event(5, 6, after=4))


def test_a_repeat_after_a_seek_is_handled_again(app: Any) -> None:
    order = Order(app)
    order.follows(event(0, 1, 2))
    assert order.follows(event(0, 1, 2))
    assert order.follows(event(3, after=2))


def test_chunks_of_a_former_assignment_are_left_to_its_new_owner(app: Any) -> None:
    order = Order(app)
    order.follows(event(0, 1, 2))
    app.consumer_generation_id = 2
    late = event(3, after=2, generation=1)
    app.consumer.unacked.add(late.message)
    assert not order.follows(late)
    assert app.consumer.unacked == set(), "the next rebalance would wait for it"
    assert order.follows(event(9, generation=2))


def test_partitions_are_kept_apart_and_in_order() -> None:
    found = by_partition([event(0, 1), event(7, partition=1), event(2)])
    assert [[one.offset for one in chunk] for chunk in found] == [[0, 1, 2], [7]]


def test_queues_are_never_cleared_by_faust() -> None:
    """Faust clears them when flow resumes, with chunks in them that are not read again."""
    app = create_app("test", Endpoints.model_validate({}))
    queue = app.FlowControlQueue(8, clear_on_resume=True)
    app.flow_control.resume()
    queue.force_put_nowait("chunk")
    app.flow_control.resume()
    assert queue.qsize() == 1


async def test_events_in_hand_do_not_wait_for_one_that_is_not_handed_out() -> None:
    """While partitions move, Faust passes over what its queue holds and waits for what is in
    hand: a worker that gathered more then stood still until it was replaced."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def stream() -> AsyncIterator[str]:
        while (found := await queue.get()) != "end":
            if found != "passed over":
                yield found

    events = Events(stream())
    for word in ("first", "passed over"):
        queue.put_nowait(word)
    assert await events.next() == "first"
    assert await events.next(0.01) is None
    assert await events.next(0.01) is None, "it still waits, and nothing breaks"
    for word in ("second", "third", "end"):
        queue.put_nowait(word)
    assert await events.next() == "second"
    assert await events.next(5) == "third"
    assert await events.next() is None
