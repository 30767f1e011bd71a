"""What becomes of a message in every case: on a real MongoDB, against the sandbox's Graph API."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.protocol import EffectSettled
from connectors.whatsapp.messages import message_of
from streams.database import Database
from streams.whatsapp.budget import Spending
from streams.whatsapp.dispatch import command_of, dispatch_due
from streams.whatsapp.rates import Rates
from streams.whatsapp.sends import Outgoing, Sends
from streams.whatsapp.service import NotUnknown, WhatsAppService
from streams.whatsapp.templates import Templates, apply_update
from tests.streams.whatsapp.rig import HOUR_MS, NUMBER, TO, Rig

pytestmark = pytest.mark.servers


async def test_outside_the_window_a_template_and_once(rig: Rig) -> None:
    told = await asyncio.gather(*(rig.news() for _ in range(4)))
    assert "taken" in {one.result for one in told}
    assert {one.result for one in await asyncio.gather(*(rig.news() for _ in range(3)))} == {
        "taken"
    }
    (sent,) = await rig.sent()
    assert sent["type"] == "template"
    assert sent["biz_opaque_callback_data"] == "org:order_status:o1:shipped"
    consent = (await rig.conversations.get("org", TO)).consent  # type: ignore[union-attr]
    assert consent is not None
    assert (consent.state, consent.source) == ("in", "order:o1")


async def test_a_burst_is_its_newest_message(rig: Rig) -> None:
    rig.settings["notification_wait_s"] = "20"
    for status in ("processing", "shipped", "delivered"):
        told = await rig.news(status)
        assert told.result == "retry"
        assert told.retry_at_ms == rig.clock() + 20_000
        rig.clock.now_ms += 1000
    rig.clock.now_ms += 20_000
    assert (await rig.news("delivered")).result == "taken"
    assert (await rig.news("processing")).reason == "not sent: newer news came"
    assert (await rig.news("shipped")).result == "taken"
    (sent,) = await rig.sent()
    assert sent["biz_opaque_callback_data"] == "org:order_status:o1:delivered"


async def test_a_lost_answer_is_settled_by_a_status_and_never_repeated(rig: Rig) -> None:
    await rig.writes()
    await rig.control.number_faults(NUMBER, requests=[{"drop": True}])
    assert (await rig.news()).result == "unknown"
    assert (await rig.news()).result == "unknown"
    await rig.says("delivered")
    row = await rig.row()
    assert (row.state, row.delivery) == ("sent", "delivered")
    assert (await rig.news()).result == "taken"
    assert len(await rig.sent()) == 1
    effect = await rig.effect(row.key)
    assert effect["settledAtMs"]


async def test_a_process_that_ends_before_the_call_leaves_it_to_a_person(rig: Rig) -> None:
    await rig.writes()
    service = WhatsAppService(rig.database, rig.directory, rig.kafka, rig.clock)
    await rig.answer(key="warm")
    row = await rig.sends.want(
        "org", "cut", replica="whatsapp", to=TO, purpose="answer", kind="text",
        message=message_of("text", "x"),
    )  # fmt: skip
    await service.ledger.claim(command_of(row, rig.clock()), rig.clock())
    assert (await rig.again("cut")).result == "retry"
    rig.clock.now_ms += 62_000
    assert (await rig.again("cut")).result == "unknown"
    assert not [one for one in await service.ledger.unsettled("org", rig.clock()) if one.listed]
    rig.clock.now_ms += 15 * 60_000
    (listed,) = await service.ledger.unsettled("org", rig.clock())
    assert (listed.effect_key, listed.listed) == ("cut", True)
    resent = await service.resend("org", "cut", "staff")
    assert (resent.attempt, resent.effect_key) == (2, "cut~2")
    with pytest.raises(NotUnknown):
        await service.resend("org", "cut", "staff")
    assert (await rig.again("cut")).result == "taken"
    assert await service.ledger.unsettled("org", rig.clock()) == []
    assert [one["biz_opaque_callback_data"] for one in await rig.sent()] == ["warm", "cut~2"]


LATER = (
    (131049, "waiting", 24 * HOUR_MS, "Meta chose"),
    (130472, "waiting", 24 * HOUR_MS, "Meta chose"),
    (131026, "failed", 0, "not on WhatsApp"),
    (131000, "waiting", 60_000, "fault of its own"),
    (131056, "waiting", 4_000, "within a minute"),
    (131048, "waiting", HOUR_MS, "customers reported"),
    (131053, "failed", 0, "picture or document"),
    (131047, "waiting", 0, "24 hours (131047)"),
    (131050, "failed", 0, "stopped marketing"),
)


async def test_what_fails_later_follows_its_codes_rule(rig: Rig) -> None:
    await rig.writes()
    for code, state, wait_ms, words in LATER:
        order = f"o{code}"
        key = f"org:order_status:{order}:shipped"
        assert (await rig.news(order=order)).result == "taken"
        before = await rig.row(key)
        told = EffectSettled(before.effect_key, before.vendor_id, "failed", f"{code}: Meta's words")
        for _ in range(3):  # deliveries come again, also after the new attempt has begun
            await rig.receipts.evidence("org", told, rig.clock())
        row = await rig.row(key)
        assert (code, row.state, row.attempt) == (code, state, 2 if state == "waiting" else 1)
        assert words in row.reason
        if state == "waiting":
            assert row.not_before_ms == rig.clock() + wait_ms
        if code == 131047:
            assert (await rig.again(key)).result == "taken"
            kinds = [one["type"] for one in await rig.sent() if order in str(one)]
            assert kinds == ["text", "template"]
        consent = (await rig.conversations.get("org", TO)).consent  # type: ignore[union-attr]
        assert consent is not None
        assert (consent.state == "out") == (code == 131050)


async def test_a_paused_template_gives_way_and_is_used_again_when_approved(rig: Rig) -> None:
    await rig.conversations.choose_language("org", TO, "si")
    await rig.control.add_template(NUMBER, name="order_status", language="si", status="PAUSED")
    templates = Templates(rig.database, rig.clock)
    # Listed as approved a moment ago.
    client: Any = rig.line().client
    known = await templates.refresh("org", "whatsapp", client)
    assert {one.status for one in known.templates or ()} == {"APPROVED", "PAUSED"}
    update = {"message_template_name": "order_status", "message_template_language": "si"}
    field_name = "message_template_status_update"
    rig.clock.now_ms += 1000
    approved = {**update, "event": "APPROVED"}
    await apply_update(
        rig.database, "org", "whatsapp", field_name, approved, rig.clock(), rig.clock
    )
    rig.sending = rig.new_sending()
    assert "another way" in (await rig.news()).reason
    row = await rig.row()
    assert row.attempt == 2
    assert (await rig.again(row.key)).result == "taken"
    (sent,) = await rig.sent()
    assert sent["body"]["template"]["language"] == {"code": "en"}


async def test_without_a_template_it_is_held_until_one_is_approved(rig: Rig) -> None:
    told = await rig.news(order_status_template="not_there")
    assert told.result == "taken"
    assert "there is no template not_there" in told.reason
    row = await rig.row()
    assert (row.state, row.why) == ("held", "template")
    entity = [one for one in rig.kafka.records if b"org/whatsapp/message" in one.key]
    assert len(entity) == 1
    rig.clock.now_ms = row.due_ms + 10_000
    rig.kafka.records.clear()
    assert await dispatch_due(rig.sends, rig.kafka, rig.clock()) == 1
    assert rig.kafka.records[0].key == f"org/conversation/{TO}".encode()
    assert await dispatch_due(rig.sends, rig.kafka, rig.clock()) == 0


async def test_an_expired_token_pauses_and_says_so(rig: Rig) -> None:
    await rig.writes()
    await rig.control.change_number(NUMBER, access_token="another")
    line = rig.line()
    row = await rig.sends.want(
        "org", "t", replica="whatsapp", to=TO, purpose="answer", kind="text",
        message=message_of("text", "x"),
    )  # fmt: skip
    told = await rig.sending.perform(command_of(row, rig.clock()), line)
    assert "access token has expired" in told.reason
    assert "access token has expired" in await rig.directory.trouble("org", "whatsapp")
    held = await rig.row("t")
    assert (held.state, held.why) == ("held", "connection")
    calls = len(await rig.sent())
    await rig.sending.perform(command_of(held, rig.clock()), line)
    assert len(await rig.sent()) == calls
    await rig.control.change_number(NUMBER, access_token="sandbox-token-1")
    rig.clock.now_ms += 61_000
    await rig.sending.perform(command_of(held, rig.clock()), line)
    assert (await rig.row("t")).state == "sent"
    assert await rig.directory.trouble("org", "whatsapp") == ""


async def test_who_said_stop_is_answered_and_not_notified(rig: Rig) -> None:
    await rig.writes()
    await rig.conversations.record_consent("org", TO, "out", "message:w1", rig.clock())
    assert "does not want messages" in (await rig.news()).reason
    assert (await rig.row()).state == "dropped"
    assert (await rig.answer()).result == "taken"
    assert [one["type"] for one in await rig.sent()] == ["text"]


async def test_metas_price_takes_the_estimates_place(rig: Rig) -> None:
    rig.settings["notifications"] = (
        '{"orders": {"shipped": {}, "delivered": {}}, "waitS": 0, "prices": {"utility": "1.25"},'
        ' "monthlyCap": "2", "timeZone": "Asia/Colombo"}'
    )
    spending = Spending(rig.database)
    await rig.news()
    month = (await rig.row()).sent["month"]
    assert (await spending.of("org", month)).spent == 1_250_000
    second = await rig.news("delivered", order="o2")
    assert "spend cap" in second.reason
    await rig.says("sent", category="utility", billable=False)
    assert (await spending.of("org", month)).spent == 0
    row = await rig.row("org:order_status:o2:delivered")
    assert row.why == "budget"
    assert (await rig.again(row.key)).result == "taken"
    await rig.says("failed", row.key, "131026: Undeliverable")
    assert (await spending.of("org", month)).spent == 0


async def test_the_cap_holds_for_many_at_once(fresh: Database) -> None:
    spending = Spending(fresh)
    found = await asyncio.gather(
        *(spending.reserve("org", "2026-11", 1_000_000, 5_500_000) for _ in range(20))
    )
    assert found.count(True) == 5
    assert (await spending.of("org", "2026-11")).spent == 5_000_000


async def test_rates_are_kept_with_redis_and_stricter_without(redis: Redis) -> None:
    name = f"n{secrets.token_hex(6)}"
    rates = Rates(redis, per_second=10)
    waits = await asyncio.gather(*(rates.take(name, f"+{n}") for n in range(12)))
    assert sorted(waits)[:10] == [0.0] * 10
    assert all(0 < wait <= 1.1 for wait in sorted(waits)[10:])
    many = Rates(redis, per_second=1000)
    pair = [await many.take(f"{name}-pair", TO) for _ in range(46)]
    assert pair[:45] == [0.0] * 45
    assert 200 < pair[45] <= 271
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    alone = Rates(nowhere, per_second=10)
    assert await alone.take(name, TO) == 0.0
    assert 5 < await alone.take(name, TO) <= 6.1
    alone.rest(name, "+9", 16)
    assert 15 < await alone.take(name, "+9") <= 16
    await nowhere.aclose()


async def test_of_two_that_are_made_at_once_one_stays(fresh: Database) -> None:
    """Whoever comes last, never both and never none."""
    for turn in range(20):
        now = iter((1_000 + turn % 2, 1_000))
        sends = Sends(fresh, lambda now=now: next(now, 1_002))
        group = f"order:{turn}"

        async def want(key: str, sends: Sends = sends, group: str = group) -> Outgoing:
            return await sends.want(
                "kandy", f"{group}:{key}", replica="whatsapp", to="+94771234567",
                purpose="notification", kind="order_status", group=group,
            )  # fmt: skip

        await asyncio.gather(want("packed"), want("sent"))
        rows = await fresh["ss_sends"].find({"group": group}).to_list()
        assert sorted(row["state"] for row in rows) == ["dropped", "waiting"]
        # The same news once more, after a crash say, changes nothing.
        await asyncio.gather(want("packed"), want("sent"))
        again = await fresh["ss_sends"].find({"group": group, "state": "waiting"}).to_list()
        assert [row["_id"] for row in again] == [
            row["_id"] for row in rows if row["state"] == "waiting"
        ]
