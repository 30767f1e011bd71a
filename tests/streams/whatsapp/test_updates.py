"""News of the account, applied where it is known what to do with it, and carts on their way in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from connectors.protocol import Notice, Parsed, Sighting, StockTaken
from schemas.observation import Seen
from streams.database import Database
from streams.whatsapp.arriving import Arriving
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.updates import Updates
from tests.streams.whatsapp.conftest import NOW_MS, ORG, PHONE, Shop

pytestmark = pytest.mark.servers


def notice(field: str, value: dict[str, Any], trouble: str = "", number: int = 1) -> Notice:
    return Notice(f"n{number}", field, value, NOW_MS, trouble)


async def test_a_preference_is_a_word_and_a_new_id_moves_the_conversation(fresh: Database) -> None:
    updates, talks = Updates(fresh), Conversations(fresh)
    await talks.seen_inbound(ORG, "LK.1", "m1", NOW_MS)
    stop = {"user_preferences": [{"wa_id": PHONE[1:], "value": "stop", "timestamp": 1795000000}]}
    ids = {"user_id_update": [{"user_id": {"previous": "LK.1", "current": "LK.2"}}]}
    for _ in range(2):
        await updates.hear(ORG, "whatsapp", notice("user_preferences", stop), NOW_MS)
        await updates.hear(ORG, "whatsapp", notice("user_id_update", ids, number=2), NOW_MS)
        unknown = notice("telepathy", {"a": 1}, "nobody knows", number=3)
        await updates.hear(ORG, "whatsapp", unknown, NOW_MS)
    told = await talks.get(ORG, PHONE)
    assert told is not None
    assert told.consent is not None
    assert (told.consent.state, told.consent.source) == ("out", "user_preferences")
    moved = await talks.get(ORG, "LK.2")
    assert moved is not None
    assert moved.former == ("LK.1",)
    found = {one.field: one for one in await updates.newest(ORG)}
    assert len(found) == 3
    assert found["user_preferences"].applied
    assert (found["telepathy"].applied, found["telepathy"].trouble) == (False, "nobody knows")
    assert await updates.newest("galle") == []


async def test_a_delivery_is_priced_and_its_troubles_are_parked(shop: Shop) -> None:
    await shop.sells("TEA-1", "Ceylon tea", "2000", 5)
    line = {"productId": "TEA-1", "sku": "TEA-1", "name": None, "quantity": 2,
            "unitPrice": "1899.5", "total": "3799"}  # fmt: skip
    fields = {"items": [line], "total": "3799", "subtotal": "3799", "currency": "LKR"}
    parsed = Parsed(
        (Sighting("order", "w1", Seen(external_id="w1", fields=fields)),),
        (StockTaken("w1", "TEA-1", 2),),
        (),
        (notice("telepathy", {}, "nobody knows"), notice("errors", {}, "nobody knows", 2)),
    )
    arrival = SimpleNamespace(
        organization_id=ORG,
        replica="whatsapp",
        parsed=parsed,
        record=SimpleNamespace(timestamp_ms=NOW_MS),
    )
    parked: list[str] = []

    async def park(_arrival: Any, reason: str) -> None:
        parked.append(reason)

    await Arriving(shop.database).prepare([arrival], park)
    seen = arrival.parsed.sightings[0].seen
    assert seen is not None
    assert (seen.fields["total"], seen.fields["items"][0]["name"]) == ("4000", "Ceylon tea")
    assert seen.fields["cart"]["repriced"] == [{"sku": "TEA-1", "seen": "1899.5", "now": "2000"}]
    assert parked == ["Kept, and nothing done: nobody knows"]
