"""Suggestions that act, against a real MongoDB."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import decode
from schemas.feed import ConflictLine
from schemas.outcome import Resolution
from schemas.policy import Policies
from streams.conflicts.words import Word, asked
from streams.database import Database
from streams.suggestions import Acting
from support.desk import Desk
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers


async def decide(desk: Desk, line: ConflictLine, word: Word, by: str = "session") -> None:
    sent = asked(line, word, by=by, at_ms=desk.now)
    item = desk.items[sent.resolution.key]
    await desk.show(item.take(sent.resolution))


def acting(database: Database, kafka: KafkaLog, threshold: float) -> Acting:
    async def policies(_organization_id: str) -> Policies:
        return Policies(automatic_at=threshold)

    return Acting(database, kafka, policies)


async def taught(database: Database, times: int) -> Desk:
    desk = Desk(database)
    for n in range(times):
        line = await desk.contest(f"p{n}")
        await decide(desk, line, Word("keep", "woocommerce"))
    return desk


async def test_it_decides_what_people_always_decided(fresh: Database, kafka: KafkaLog) -> None:
    desk = await taught(fresh, 20)
    line = await desk.contest("fresh")
    assert await acting(fresh, kafka, 0.0).run_once("kandy") == 0
    assert await acting(fresh, kafka, 0.99).run_once("kandy") == 0
    assert await acting(fresh, kafka, 0.9).run_once("galle") == 0
    assert await acting(fresh, kafka, 0.9).run_once("kandy") == 1
    (record,) = kafka.records
    resolution = decode(record.value or b"", Resolution)
    assert (resolution.conflict_id, resolution.side, resolution.by) == (
        line.id,
        "woocommerce",
        "suggestion",
    )
    await acting(fresh, kafka, 0.9).run_once("kandy")
    assert decode(kafka.records[1].value or b"", Resolution).id == resolution.id


async def test_what_a_person_took_back_is_left_to_people(fresh: Database, kafka: KafkaLog) -> None:
    desk = await taught(fresh, 20)
    await desk.contest("fresh")
    await acting(fresh, kafka, 0.9).run_once("kandy")
    await desk.publish(*kafka.records)
    row: Any = await fresh["ss_conflicts"].find_one({"by": "suggestion"})
    assert row["automatic"], "listed with what was decided without a person"
    await decide(desk, decode(row["line"], ConflictLine), Word("undo"))
    assert await fresh["ss_conflicts"].count_documents({"status": "open"}) == 1
    assert await acting(fresh, kafka, 0.9).run_once("kandy") == 0


async def test_nineteen_examples_are_too_few(fresh: Database, kafka: KafkaLog) -> None:
    desk = await taught(fresh, 19)
    await desk.contest("fresh")
    assert await acting(fresh, kafka, 0.5).run_once("kandy") == 0
