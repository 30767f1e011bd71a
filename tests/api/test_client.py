"""A live client's limits and wishes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from api.client import BURST, OUTBOX, SLOW, Client, Message, Subscription
from api.deps import Caller
from schemas.feed import FeedLine


@pytest.mark.parametrize(
    ("wanted", "yes"),
    [
        (Subscription(), True),
        (Subscription(types=["product"]), True),
        (Subscription(types=["order"]), False),
        (Subscription(entities=["p1"], sources=["woocommerce"]), True),
        (Subscription(sources=["mongodb"]), True),
        (Subscription(sources=["whatsapp"]), False),
    ],
)
def test_subscriptions_choose_by_type_entity_and_source(
    wanted: Subscription, yes: bool, feed_line: Callable[..., FeedLine]
) -> None:
    assert wanted.wants(feed_line(replica="mongodb")) is yes


def test_too_much_waiting_ends_the_connection() -> None:
    client = Client(Caller("kandy", "key"), Subscription())
    for number in range(OUTBOX):
        client.put({"n": number})
    assert client.closing is None
    client.put({"n": OUTBOX})
    assert client.closing is not None
    assert client.closing.code == SLOW
    assert len(client.take()) == OUTBOX


def test_only_the_newest_status_waits() -> None:
    client = Client(Caller("kandy", "key"), Subscription())
    client.put_status(b'{"n":1}')
    client.put_status(b'{"n":2}')
    client.put({"n": 0})
    assert [json.loads(found)["n"] for found in client.take()] == [0, 2]
    assert client.take() == []


def test_commands_are_limited() -> None:
    client = Client(Caller("kandy", "key"), Subscription())
    allowed = sum(client.may_command() for _ in range(int(BURST) * 2))
    assert BURST <= allowed < BURST + 10


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"type":"drop"}',
        '{"type":"ping","extra":1}',
        "[]",
        '{"type":"subscribe","subscribe":1}',
    ],
)
def test_messages_are_strict(text: str) -> None:
    with pytest.raises(ValidationError):
        Message.model_validate_json(text)
