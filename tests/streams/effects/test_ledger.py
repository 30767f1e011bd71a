"""The ledger on a real MongoDB."""

from __future__ import annotations

import asyncio

import pytest

from schemas.command import Perform
from streams.database import Database
from streams.effects.ledger import CLAIM_MS, Ledger

pytestmark = pytest.mark.servers
NOW_MS = 1_784_522_405_000


@pytest.fixture
def ledger(fresh: Database) -> Ledger:
    return Ledger(fresh)


def perform(key: str = "org:order_status:1:shipped", organization_id: str = "org") -> Perform:
    return Perform(
        organization_id=organization_id, type="order", entity_id="1", replica="whatsapp",
        effect_key=key, effect="order_status", arguments={"to": "+9477"}, epoch=1, issued_at_ms=0,
    )  # fmt: skip


async def test_one_of_many_claims_it(ledger: Ledger) -> None:
    entries = await asyncio.gather(*(ledger.claim(perform(), NOW_MS) for _ in range(20)))
    assert [entry.mine for entry in entries].count(True) == 1
    assert {entry.state for entry in entries} == {"claimed"}
    other = await ledger.claim(perform(organization_id="another"), NOW_MS)
    assert other.mine


async def test_what_was_settled_stays(ledger: Ledger) -> None:
    await ledger.claim(perform(), NOW_MS)
    await ledger.settle(perform(), "sent", NOW_MS, "wamid.1")
    again = await ledger.claim(perform(), NOW_MS + 10 * CLAIM_MS)
    assert (again.mine, again.state, again.vendor_id) == (False, "sent", "wamid.1")
    await ledger.settle(perform(), "released", NOW_MS)
    assert (await ledger.claim(perform(), NOW_MS)).state == "sent"


async def test_a_released_key_is_claimed_again_once(ledger: Ledger) -> None:
    await ledger.claim(perform(), NOW_MS)
    await ledger.settle(perform(), "released", NOW_MS, reason="busy")
    entries = await asyncio.gather(*(ledger.claim(perform(), NOW_MS) for _ in range(5)))
    assert [entry.mine for entry in entries].count(True) == 1
    assert max(entry.attempts for entry in entries) == 2


async def test_a_claim_left_behind_is_unknown_and_settled_by_evidence(ledger: Ledger) -> None:
    await ledger.claim(perform(), NOW_MS)
    assert (await ledger.claim(perform(), NOW_MS + CLAIM_MS)).state == "claimed"
    left = await ledger.claim(perform(), NOW_MS + CLAIM_MS + 1)
    assert (left.mine, left.state) == (False, "unknown")

    key = perform().effect_key
    outcome = await ledger.evidence("org", key, "wamid.9", "delivered", "", NOW_MS)
    assert outcome is not None
    assert (outcome.result, outcome.effect_key, outcome.entity_id) == ("taken", key, "1")
    assert await ledger.evidence("org", key, "wamid.9", "read", "", NOW_MS) is None
    entry = await ledger.claim(perform(), NOW_MS)
    assert (entry.state, entry.vendor_id) == ("sent", "wamid.9")


async def test_a_failed_delivery_is_told_once_and_is_final(ledger: Ledger) -> None:
    await ledger.claim(perform(), NOW_MS)
    await ledger.settle(perform(), "sent", NOW_MS, "wamid.1")
    key = perform().effect_key
    outcome = await ledger.evidence(
        "org", key, "wamid.1", "failed", "131047: Re-engagement", NOW_MS
    )
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("failed", "131047: Re-engagement")
    assert await ledger.evidence("org", key, "wamid.1", "delivered", "", NOW_MS) is None
    assert (await ledger.claim(perform(), NOW_MS)).state == "failed"
    assert await ledger.evidence("org", "never heard of", "w", "sent", "", NOW_MS) is None
