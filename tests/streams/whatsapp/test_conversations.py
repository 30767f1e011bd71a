"""Conversations against a real MongoDB: repeats and disorder end the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from streams.database import Database
from streams.whatsapp.conversations import Conversation, Conversations
from tests.streams.whatsapp.conftest import NOW_MS, ORG, PHONE

pytestmark = pytest.mark.servers


async def test_any_order_and_any_repeat_end_the_same(fresh: Database) -> None:
    talks = Conversations(fresh)

    def steps(who: str) -> list[Callable[[], Awaitable[object]]]:
        return [
            lambda: talks.seen_inbound(ORG, who, "m1", NOW_MS, text="hi", name="N", phone=PHONE),
            lambda: talks.seen_inbound(ORG, who, "m2", NOW_MS + 5000, text="order?", language="si"),
            lambda: talks.note_outbound(ORG, who, "o1", NOW_MS + 9000, text="here", status="sent"),
            lambda: talks.note_outbound(ORG, who, "o1", NOW_MS + 9000, status="read"),
            lambda: talks.record_consent(ORG, who, "out", "message:m1", NOW_MS),
        ]

    ends: list[Conversation] = []
    for number, order in enumerate(itertools.islice(itertools.permutations(range(5)), 0, 120, 7)):
        who = f"+9477{number}"
        for step in (*order, *order):
            await steps(who)[step]()
        found = await talks.get(ORG, who)
        assert found is not None
        ends.append(found)
    for found in ends:
        assert (found.unread, found.last_inbound_ms) == (2, NOW_MS + 5000)
        assert found.last_outbound_ms == NOW_MS + 9000
        assert found.consent is not None
        assert found.consent.state == "out"
        assert (found.name, found.language, found.phone) == ("N", "si", PHONE)
        assert found.last_message is not None
        assert (found.last_message.id, found.last_message.status) == ("o1", "read")


async def test_reading_handing_over_and_back(fresh: Database) -> None:
    talks = Conversations(fresh)
    for n in range(3):
        await talks.seen_inbound(ORG, PHONE, f"m{n}", NOW_MS + n)
    await talks.mark_read(ORG, PHONE, NOW_MS + 1)
    await talks.seen_inbound(ORG, PHONE, "m0", NOW_MS)  # delivered again
    found = await talks.hand_over(ORG, PHONE, "customer", NOW_MS)
    assert found.unread == 1
    assert found.handed_over is not None
    assert found.handed_over.by == "customer"
    assert (await talks.hand_over(ORG, PHONE, "staff", NOW_MS + 5)).handed_over == found.handed_over
    assert (await talks.hand_back(ORG, PHONE, NOW_MS + 9)).handed_over is None
    assert (await talks.hand_over(ORG, PHONE, "customer", NOW_MS)).handed_over is None  # a repeat
    assert (await talks.hand_over(ORG, PHONE, "customer", NOW_MS + 10)).handed_over is not None


async def test_consent_goes_by_the_newest_word(fresh: Database) -> None:
    talks = Conversations(fresh)
    await talks.record_consent(ORG, PHONE, "out", "message:m2", NOW_MS)
    found = await talks.record_consent(ORG, PHONE, "in", "order:1", NOW_MS - 1)
    assert found.consent is not None
    assert found.consent.state == "out"
    found = await talks.record_consent(ORG, PHONE, "in", "message:m3", NOW_MS)
    assert found.consent is not None
    assert found.consent.state == "out"
    found = await talks.record_consent(ORG, PHONE, "in", "message:m4", NOW_MS + 1)
    assert found.consent is not None
    assert found.consent.source == "message:m4"


async def test_two_at_once_make_one(fresh: Database) -> None:
    talks = Conversations(fresh)
    await asyncio.gather(*(talks.seen_inbound(ORG, PHONE, f"m{n}", NOW_MS + n) for n in range(12)))
    assert await fresh["ss_conversations"].count_documents({}) == 1
    found = await talks.get(ORG, PHONE)
    assert found is not None
    assert found.unread == 12


async def test_lists_go_on_where_they_stopped_and_show_nobody_elses(fresh: Database) -> None:
    talks = Conversations(fresh)
    for n in range(7):
        await talks.seen_inbound(ORG, f"+9477000{n}", "m", NOW_MS + n // 2)
    await talks.seen_inbound("galle", "+94771", "m", NOW_MS)
    seen: list[str] = []
    after = ""
    while page := await talks.list(ORG, after=after, limit=3):
        seen += [one.conversation_id for one in page]
        after = page[-1].place
    assert len(seen) == len(set(seen)) == 7
    assert seen[0] == "+94770006"
    await talks.mark_read(ORG, seen[0], NOW_MS + 9)
    assert seen[0] not in [one.conversation_id for one in await talks.list(ORG, unread_only=True)]


async def test_a_new_number_takes_the_conversation_along(fresh: Database) -> None:
    talks = Conversations(fresh)
    await talks.seen_inbound(ORG, PHONE, "m1", NOW_MS, phone=PHONE)
    await talks.record_consent(ORG, PHONE, "out", "message:m1", NOW_MS)
    for _ in range(2):
        await talks.moved(ORG, PHONE, {"waId": "94770000001", "userId": "LK.2"})
    found = await talks.get(ORG, "+94770000001")
    assert found is not None
    assert found.consent is not None
    assert (found.phone, found.user_id, found.former) == ("+94770000001", "LK.2", (PHONE,))
    assert await talks.get(ORG, PHONE) is None
