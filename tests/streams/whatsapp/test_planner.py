"""The planner's rules, one at a time: pure, so each case is a value."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.whatsapp.templates import Template
from streams.whatsapp.compose import want_of
from streams.whatsapp.notify import Notifications, quiet_of
from streams.whatsapp.planner import (
    Budget,
    Customer,
    Drop,
    Hold,
    Send,
    Stand,
    TemplateWanted,
    Want,
    plan,
)
from streams.whatsapp.sends import Outgoing

HOUR_MS = 3_600_000
COLOMBO = ZoneInfo("Asia/Colombo")
NOON_MS = int(datetime(2026, 11, 23, 12, 0, tzinfo=COLOMBO).timestamp() * 1000)
NIGHT_MS = NOON_MS + 11 * HOUR_MS
FREE = {"type": "text", "text": {"body": "Your order 1041: Shipped."}}
BOTH = [
    Template("order_status", "en", body="Order {{1}} is {{2}}.", parameters=2),
    Template("order_status", "si", body="{{1}} ඇණවුම {{2}}.", parameters=2),
]
NEWS = Want(
    "notification",
    free=FREE,
    template=TemplateWanted(
        "order_status",
        ("si",),
        {"en": ("1041", "Shipped"), "si": ("1041", "යවා ඇත"), "ta": ("1041", "அனுப்பப்பட்டது")},
    ),
    created_ms=NOON_MS,
)
ANSWER = Want("answer", free=FREE, created_ms=NOON_MS)
WROTE = Customer(last_inbound_ms=NOON_MS - HOUR_MS)
SILENT = Customer()


def stand(now_ms: int = NOON_MS, templates: Any = BOTH, **more: Any) -> Stand:
    return Stand(now_ms, templates, **more)


def test_inside_the_window_it_is_free_form() -> None:
    assert plan(NEWS, WROTE, stand()) == Send(FREE)


def test_the_window_is_24_hours_less_a_little() -> None:
    just = Customer(NOON_MS - 24 * HOUR_MS + 3 * 60_000)
    over = Customer(NOON_MS - 24 * HOUR_MS + 60_000)
    assert isinstance(plan(ANSWER, just, stand()), Send)
    held = plan(ANSWER, over, stand())
    assert isinstance(held, Hold)
    assert (held.why, held.brief) == ("window", False)


def test_outside_it_is_the_template_in_the_customers_language() -> None:
    sent = plan(NEWS, SILENT, stand())
    assert isinstance(sent, Send)
    assert (sent.template, sent.language, sent.text) == ("order_status", "si", "1041 ඇණවුම යවා ඇත.")
    template = sent.message["template"]
    assert template["components"][0]["parameters"][1] == {"type": "text", "text": "යවා ඇත"}


def test_what_is_not_approved_gives_way_to_english() -> None:
    paused = [BOTH[0], replace(BOTH[1], status="PAUSED")]
    sent = plan(NEWS, SILENT, stand(templates=paused))
    assert isinstance(sent, Send)
    assert sent.language == "en"
    regional = [replace(BOTH[0], language="en_US")]
    sent = plan(NEWS, SILENT, stand(templates=regional))
    assert isinstance(sent, Send)
    assert sent.message["template"]["language"] == {"code": "en_US"}


@pytest.mark.parametrize(
    ("templates", "words"),
    [
        ([], "there is no template order_status in si"),
        ([replace(BOTH[1], status="REJECTED")], "rejected"),
        ([replace(BOTH[1], parameters=3)], "takes 3 values, the settings give 2"),
        ([replace(BOTH[1], header="IMAGE")], "more than its text"),
    ],
)
def test_without_a_template_it_is_held_and_says_why(templates: Any, words: str) -> None:
    held = plan(NEWS, SILENT, stand(templates=templates))
    assert isinstance(held, Hold)
    assert held.why == "template"
    assert words in held.reason
    assert held.until_ms > NOON_MS


def test_where_meta_could_not_be_asked_the_template_is_tried() -> None:
    sent = plan(NEWS, SILENT, stand(templates=None))
    assert isinstance(sent, Send)
    assert sent.language == "si"


def test_meta_knows_better_whether_the_window_is_open() -> None:
    told = replace(NEWS, no_free=True, not_before_ms=NOON_MS - HOUR_MS // 2)
    sent = plan(told, WROTE, stand())
    assert isinstance(sent, Send)
    assert sent.template == "order_status"
    # Who has written since then has opened it anew.
    assert plan(told, Customer(NOON_MS - 1000), stand()) == Send(FREE)


def test_an_opt_out_stops_notifications_and_no_answers() -> None:
    out = replace(WROTE, opted_out=True)
    dropped = plan(NEWS, out, stand())
    assert isinstance(dropped, Drop)
    assert dropped.why == "out"
    assert plan(replace(NEWS, forced=True), out, stand()) == dropped
    assert isinstance(plan(ANSWER, out, stand()), Send)


def test_quiet_hours_hold_notifications_until_morning() -> None:
    settings = Notifications.model_validate({"quietHours": {"from": "21:00", "to": "08:00"}})
    quiet = quiet_of(settings)
    held = plan(NEWS, WROTE, stand(NIGHT_MS, quiet=quiet))
    assert isinstance(held, Hold)
    assert held.why == "quiet"
    assert held.until_ms == NOON_MS + 20 * HOUR_MS  # eight in the morning
    early = plan(NEWS, WROTE, stand(NIGHT_MS + 4 * HOUR_MS, quiet=quiet))
    assert isinstance(early, Hold)
    assert early.until_ms == held.until_ms
    assert isinstance(plan(ANSWER, WROTE, stand(NIGHT_MS, quiet=quiet)), Send)
    assert isinstance(plan(replace(NEWS, forced=True), WROTE, stand(NIGHT_MS, quiet=quiet)), Send)
    assert isinstance(plan(NEWS, WROTE, stand(NOON_MS, quiet=quiet)), Send)


def test_the_months_money_is_for_templates_only() -> None:
    budget = Budget(10_000_000, 9_000_000, NOON_MS + 7 * 24 * HOUR_MS, {"utility": 1_500_000})
    held = plan(NEWS, SILENT, stand(budget=budget))
    assert isinstance(held, Hold)
    assert (held.why, held.until_ms) == ("budget", NOON_MS + 7 * 24 * HOUR_MS)
    fits = plan(NEWS, SILENT, stand(budget=replace(budget, spent=8_500_000)))
    assert isinstance(fits, Send)
    assert fits.cost == 1_500_000
    assert isinstance(plan(NEWS, WROTE, stand(budget=budget)), Send)


def test_utility_is_free_inside_the_window_and_marketing_is_not() -> None:
    wanted = replace(NEWS, free=None)
    budget = Budget(prices={"utility": 1, "marketing": 5})
    inside = plan(wanted, WROTE, stand(budget=budget))
    assert isinstance(inside, Send)
    assert inside.cost == 0
    offers = [replace(one, category="MARKETING") for one in BOTH]
    dear = plan(wanted, WROTE, stand(templates=offers, budget=budget))
    assert isinstance(dear, Send)
    assert dear.cost == 5


def test_paces_and_pauses_wait_without_being_listed_or_with() -> None:
    paced = plan(ANSWER, WROTE, stand(pace_until_ms=NOON_MS + 6_000))
    assert isinstance(paced, Hold)
    assert (paced.why, paced.until_ms, paced.brief) == ("pace", NOON_MS + 6_000, True)
    paused = plan(ANSWER, WROTE, stand(paused="the token has expired", paused_until_ms=NOON_MS + 9))
    assert isinstance(paused, Hold)
    assert (paused.why, paused.reason, paused.brief) == (
        "connection", "the token has expired", False,
    )  # fmt: skip
    away = stand(paused="no answer", paused_until_ms=NOON_MS + 9000, paused_briefly=True)
    moment = plan(ANSWER, WROTE, away)
    assert isinstance(moment, Hold)
    assert moment.brief


def test_old_news_is_dropped_but_an_answer_is_never_old() -> None:
    later = NOON_MS + 73 * HOUR_MS
    dropped = plan(NEWS, SILENT, stand(later))
    assert isinstance(dropped, Drop)
    assert dropped.why == "old"
    assert isinstance(plan(ANSWER, Customer(later), stand(later)), Send)


def test_a_burst_waits_for_its_last_word() -> None:
    held = plan(replace(NEWS, not_before_ms=NOON_MS + 20_000), WROTE, stand())
    assert isinstance(held, Hold)
    assert (held.until_ms, held.brief) == (NOON_MS + 20_000, True)


@given(
    st.integers(0, 48), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 48),
    st.sampled_from(["answer", "notification"]),
)  # fmt: skip
def test_nothing_free_form_leaves_outside_the_window_and_no_notification_after_a_stop(
    silent_h: int, out: bool, forced: bool, no_free: bool, hour: int, purpose: Any
) -> None:
    now_ms = NOON_MS + hour * HOUR_MS
    customer = Customer(now_ms - silent_h * HOUR_MS, out)
    want = replace(NEWS, purpose=purpose, forced=forced, no_free=no_free, created_ms=now_ms)
    want = replace(want, not_before_ms=now_ms)
    quiet = quiet_of(Notifications.model_validate({"quietHours": {"from": "21:00", "to": "08:00"}}))
    decided = plan(want, customer, stand(now_ms, quiet=quiet))
    if isinstance(decided, Send):
        assert decided.template or (silent_h < 24 and not no_free)
        assert not (purpose == "notification" and out)
    if isinstance(decided, Hold):
        assert decided.until_ms > now_ms
    assert decided == plan(want, customer, stand(now_ms, quiet=quiet))


def row(**more: Any) -> Outgoing:
    facts = {"kind": "order", "status": "shipped", "number": "1041", "name": "Nadeesha"}
    return Outgoing(
        "m", "org", "k", "whatsapp", "+94771234567", "notification", "order_status",
        event={**facts, **more},
    )  # fmt: skip


def test_notifications_are_written_in_three_languages() -> None:
    texts = {}
    for language in ("en", "si", "ta"):
        want = want_of(row(), Notifications(), language)
        assert want.free is not None
        texts[language] = want.free["text"]["body"]
        assert "1041" in texts[language]
        assert "Nadeesha" in texts[language]
    assert texts["en"] == "Hello Nadeesha! Your order 1041: Shipped."
    assert len(set(texts.values())) == 3


def test_a_parcels_news_names_its_number() -> None:
    want = want_of(
        row(kind="shipment", status="out_for_delivery", tracking="CPK1"), Notifications(), None
    )
    assert want.free is not None
    assert want.free["text"]["body"] == (
        "Hello Nadeesha! The parcel of your order 1041: Out for delivery. Tracking number: CPK1."
    )
    assert want.template is not None
    assert want.template.name == "shipment_status"
    assert want.template.values["en"] == ("1041", "Out for delivery", "CPK1")
