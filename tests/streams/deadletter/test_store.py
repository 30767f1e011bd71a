import os

import pytest

from schemas.codec import decode
from schemas.deadletter import DeadLetter
from streams.database import Database
from streams.deadletter import (
    DeadLetters,
    DeadLetterViews,
    letter_of,
    list_letters,
    retry_letter,
    retry_letters,
    show_letter,
)
from streams.deadletter.store import body_of
from streams.kafka.records import Incoming
from tests.streams.conftest import KafkaLog

RECORD = Incoming(
    "inbound", 1, 7, 1000, b"org/woocommerce/product/412", b"\xff\x00{", [("ce_id", b"d1")]
)


async def parked(kafka: KafkaLog, *records: Incoming) -> list[Incoming]:
    dead = DeadLetters(kafka, clock_ms=lambda: 5000)
    for record in records:
        await dead.park(record, organization_id="org", stage="inbound", reason="no")
    sent = [
        Incoming("deadletter", 0, n, 0, r.key, r.value or b"") for n, r in enumerate(kafka.records)
    ]
    kafka.records.clear()
    return sent


async def test_parking_keeps_the_bytes_and_repeats_are_one(kafka: KafkaLog) -> None:
    first, second = await parked(kafka, RECORD, RECORD)
    letter = decode(first.value, DeadLetter)
    assert letter == decode(second.value, DeadLetter)
    assert letter.id == "inbound-1-7-inbound"
    assert body_of(letter) == RECORD.value


@pytest.mark.parametrize("value", [b"{}" * 600_000, os.urandom(900_000)])
def test_large_records_fit(value: bytes) -> None:
    record = Incoming("inbound", 0, 1, 0, b"k", value)
    letter = letter_of(record, "org", "inbound", "no", 0)
    assert len(letter.value) < 860_000
    if letter.value:
        assert body_of(letter) == value
    else:
        with pytest.raises(ValueError, match="too large"):
            body_of(letter)


@pytest.mark.servers
async def test_listed_shown_and_sent_again(fresh: Database, kafka: KafkaLog) -> None:
    await DeadLetterViews(fresh).handle(await parked(kafka, RECORD))
    (one,) = await list_letters(fresh, "org")
    assert one.letter.reason == "no"
    assert await list_letters(fresh, "other") == []
    assert await list_letters(fresh, "org", since_ms=6000) == []
    assert await show_letter(fresh, one.letter.id, "other") is None
    dry = await retry_letters(fresh, kafka, "org", dry_run=True)
    assert (dry.sent, kafka.records) == ((one.letter.id,), [])
    assert await retry_letter(fresh, kafka, one.letter.id, "other") is None
    done = await retry_letters(fresh, kafka, "org")
    assert done.sent == (one.letter.id,)
    (record,) = kafka.records
    assert (record.topic.name, record.key, record.value) == ("inbound", RECORD.key, RECORD.value)
    assert list(record.headers) == [("ce_id", b"d1")]
    assert await list_letters(fresh, "org") == []
    (again,) = await list_letters(fresh, "org", retried=True)
    assert (again.state, again.retries) == ("retried", 1)


@pytest.mark.servers
async def test_what_cannot_be_sent_again_says_why(fresh: Database, kafka: KafkaLog) -> None:
    dead = DeadLetters(kafka)
    await dead.park(None, organization_id="org", stage="api", reason="odd")
    sent = [Incoming("deadletter", 0, 0, 0, r.key, r.value or b"") for r in kafka.records]
    await DeadLetterViews(fresh).handle([*sent, Incoming("deadletter", 0, 1, 0, b"", b"junk")])
    kafka.records.clear()
    done = await retry_letters(fresh, kafka, "org")
    assert done.sent == ()
    assert "no topic" in done.impossible[0][1]
