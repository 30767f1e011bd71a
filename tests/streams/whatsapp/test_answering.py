"""Customers' questions, from what they write to what is sent, against a real MongoDB."""

from __future__ import annotations

from typing import Any

import pytest

from streams.whatsapp.understanding import (
    Choose,
    Intent,
    Menu,
    OrderState,
    Person,
    Products,
    Silence,
    Start,
    Stop,
    intent_of,
    language_of,
)
from tests.streams.whatsapp.conftest import NOW_MS, PHONE, Shop

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hi", Menu()),
        ("ආයුබෝවන්", Menu()),
        ("வணக்கம்", Menu()),
        ("STOP", Stop()),
        ("Stop!", Stop()),
        ("නවත්වන්න", Stop()),
        ("நிறுத்து", Stop()),
        ("start", Start()),
        ("තව දුරටත් නවත්වන්න එපා", None),  # words of a refusal inside another sentence
        ("Where is my order 1041?", OrderState("1041")),
        ("#1041", OrderState("1041")),
        ("මගේ ඕඩර් එක කොහෙද", OrderState()),
        ("என் ஆர்டர் எங்கே?", OrderState()),
        ("my parcel has not arrived", OrderState()),
        ("talk to a person", Person()),
        ("කෙනෙක් එක්ක කතා කරන්න ඕන", Person()),
        ("பேச வேண்டும்", Person()),
        ("I want to order 2 packets of black tea", Products(("packets", "black", "tea"), True)),
        ("price pls", Products((), True)),
        ("මේ සාරිය තියෙනවද? Batik saree", Products(("සාරිය", "batik", "saree"), True)),
        ("தேயிலை விலை எவ்வளவு", Products(("தேயிலை",), True)),
        ("batik saree", Products(("batik", "saree"))),
        ("தமிழ்", Choose("ta")),
        ("thank you", Silence("thanks")),
    ],
)
def test_what_is_wanted(text: str, wanted: Intent | None) -> None:
    found = intent_of({"type": "text", "body": text})
    assert not isinstance(found, Stop) if wanted is None else found == wanted


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "interactive", "media": {"id": "ss:order:1041"}}, OrderState),
        ({"type": "interactive", "media": {"id": "ss:language:ta"}}, Choose),
        ({"type": "interactive", "media": {"id": "order:1041:confirm_cod"}}, Silence),
        ({"type": "button", "body": "Stop promotions", "media": {"payload": "STOP_PROMO"}}, Stop),
        ({"type": "text", "body": "maroon?", "context": {"product": "S-1"}}, Products),
        ({"type": "image", "body": "where is my order"}, Silence),
        ({"type": "reaction", "body": "👍"}, Silence),
        ({"type": "unsupported", "body": "131051: x"}, Silence),
    ],
)
def test_what_is_tapped_or_sent(fields: dict[str, Any], kind: type[Intent]) -> None:
    assert isinstance(intent_of(fields), kind)


def test_languages_by_script() -> None:
    assert language_of("මේක කීයද") == "si"
    assert language_of("எவ்வளவு") == "ta"
    assert language_of("Batik saree") is None


@pytest.mark.servers
async def test_an_order_is_told_to_its_own_phone_only(shop: Shop) -> None:
    theirs = {"number": "1041", "status": "shipped", "total": "1899.5", "currency": "LKR",
              "billing": {"phone": "077 123 4567"}}  # fmt: skip
    await shop.holds("order", "o1", theirs)
    others = {**theirs, "number": "1042", "billing": {"phone": "+94770000000"}}
    await shop.holds("order", "o2", others)
    await shop.writes("where is my order", "w1")
    await shop.writes("order 1041", "w2")
    await shop.writes("order 1042 status", "w3")
    first, second, third = await shop.texts()
    assert first == second
    assert first.startswith("Order 1041: Shipped")
    assert "1,899.50" in first
    assert "1042: " not in third
    assert "no order 1042" in third


@pytest.mark.servers
async def test_an_answer_is_one_message_however_often_it_is_asked(shop: Shop) -> None:
    for _ in range(3):
        await shop.writes("hi")
    (row,) = await shop.answers()
    assert (row["key"], row["to"], row["purpose"]) == ("reply:w1", PHONE, "answer")
    assert row["message"]["interactive"]["type"] == "list"
    assert (await shop.talk()).unread == 1
    assert shop.parked == []


@pytest.mark.servers
async def test_products_with_stock_and_price(shop: Shop) -> None:
    await shop.sells("TEA-1", "Ceylon black tea", "1899.5", 3)
    await shop.sells("TEA-2", "Green tea", "2000", 0)
    await shop.sells("SAREE", "Batik saree", "12500", None)
    await shop.writes("how much is tea", "w1")
    await shop.writes("batik saree", "w2")
    await shop.writes("do you have coffee", "w3")
    tea, saree, none = await shop.answers()
    interactive = tea["message"]["interactive"]
    assert interactive["type"] == "product_list"
    items = interactive["action"]["sections"][0]["product_items"]
    assert [one["product_retailer_id"] for one in items] == ["TEA-1", "TEA-2"]
    assert "only 3 left" in tea["text"]
    assert "out of stock" in tea["text"]
    assert saree["message"]["interactive"]["action"]["product_retailer_id"] == "SAREE"
    assert "find nothing" in none["text"]


@pytest.mark.servers
async def test_a_person_silences_the_machine_until_it_is_handed_back(shop: Shop) -> None:
    await shop.writes("talk to a person", "w1")
    await shop.writes("hi", "w2", at_ms=NOW_MS + 1)
    assert len(await shop.answers()) == 1
    await shop.writes("STOP", "w3", at_ms=NOW_MS + 2)
    talk = await shop.talk()
    assert talk.consent is not None
    assert talk.consent.state == "out"
    await shop.conversations.hand_back("kandy", PHONE, NOW_MS + 3)
    await shop.writes("hi", "w4", at_ms=NOW_MS + 4)
    assert [row["key"] for row in await shop.answers()] == ["reply:w1", "reply:w4"]


@pytest.mark.servers
async def test_stop_in_three_languages_is_recorded_and_answered_in_its_own(shop: Shop) -> None:
    for number, (word, said) in enumerate(
        [("STOP", "START to get"), ("නවත්වන්න", "එවන්නේ නැහැ"), ("நிறுத்து", "அனுப்ப மாட்டோம்")]
    ):
        who = f"+9477000000{number}"
        await shop.writes(word, f"w{number}", conversationId=who)
        consent = (await shop.talk(who)).consent
        assert consent is not None
        assert (consent.state, consent.source) == ("out", f"message:w{number}")
        assert said in (await shop.texts())[number]


@pytest.mark.servers
async def test_what_is_old_from_a_stranger_or_switched_off_gets_no_answer(shop: Shop) -> None:
    await shop.writes("hi", "w1", at_ms=NOW_MS - DAY_MS)
    await shop.writes("hi", "w2", conversationId="LK.77")  # shows no number
    await shop.hears("message", "w3", conversationId=PHONE, direction="out", status="read")
    shop.settings["answers"] = "off"
    await shop.writes("hi", "w4")
    assert await shop.answers() == []
    assert (await shop.talk("LK.77")).unread == 1


@pytest.mark.servers
async def test_what_nobody_understands_is_asked_back_once_in_a_while(shop: Shop) -> None:
    await shop.writes("blue elephants dancing", "w1")
    await shop.writes("blue elephants dancing", "w1")
    await shop.writes("and singing loudly", "w2", at_ms=NOW_MS + 1000)
    (only,) = await shop.answers()
    assert "did not understand" in only["text"]


@pytest.mark.servers
async def test_an_edit_and_a_deletion_are_no_questions(shop: Shop) -> None:
    await shop.writes("thanks", "w1")
    edited = {"conversationId": PHONE, "direction": "in", "type": "text", "body": "hi"}
    await shop.hears("message", "w1", **edited, editedAt="2026-11-01T00:00:00.000Z")
    assert await shop.answers() == []
    last = (await shop.talk()).last_message
    assert last is not None
    assert (last.id, last.text) == ("w1", "hi")


@pytest.mark.servers
async def test_a_cart_is_confirmed_with_what_is_different(shop: Shop) -> None:
    await shop.sells("TEA-1", "Ceylon black tea", "2000", 1)
    order = {
        "number": "WA-1", "total": "5000", "currency": "LKR", "placedOn": "whatsapp",
        "billing": {"phone": PHONE, "name": "Nadeesha"},
        "items": [
            {"sku": "TEA-1", "productId": "tea-1", "name": "Ceylon black tea", "quantity": 2,
             "unitPrice": "2000", "total": "4000"},
            {"sku": "GONE", "productId": "GONE", "name": None, "quantity": 1,
             "unitPrice": "1000", "total": "1000"},
        ],
        "cart": {"repriced": [{"sku": "TEA-1", "seen": "1899.5", "now": "2000"}],
                 "unknown": ["GONE"]},
    }  # fmt: skip
    for _ in range(2):
        await shop.hears("order", "w-cart", **order)
    (row,) = await shop.answers()
    assert row["key"] == "reply:w-cart"
    assert "WA-1" in row["text"]
    assert "2,000.00 today (you saw LKR1,899.50)" in row["text"].replace("\u00a0", "")
    assert "GONE: we have to check" in row["text"]
    assert "Ceylon black tea: 1 of these are out of stock" in row["text"]


@pytest.mark.servers
async def test_a_fault_in_one_message_leaves_the_others_alone(shop: Shop) -> None:
    broken = {"type": "interactive", "media": ["not a map"]}
    await shop.hears("message", "w1", conversationId=PHONE, direction="in", **broken)
    await shop.talks.handle([shop.record(b"kandy/message/x", b"{")])
    await shop.writes("hi", "w2")
    assert len(shop.parked) == 2
    assert [row["key"] for row in await shop.answers()] == ["reply:w2"]


@pytest.mark.servers
async def test_who_shows_their_number_later_is_the_same_person(shop: Shop) -> None:
    await shop.writes("hi", "w1", conversationId="LK.1")
    await shop.writes("hi again", "w2", at_ms=NOW_MS + 1)
    talk = await shop.talk()
    assert (talk.user_id, talk.former, talk.unread) == ("LK.1", ("LK.1",), 2)
    assert await shop.conversations.get("kandy", "LK.1") is None
