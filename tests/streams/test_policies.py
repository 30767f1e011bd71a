"""Rules as versions, against a real MongoDB."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from schemas.policy import Brakes, Rule
from streams.database import Database
from streams.integrations import NotFound, Stale
from streams.policies import AHEAD_MS, Rulebook, with_rule

pytestmark = pytest.mark.servers

LOCAL = Rule(field="price", policy="local")
ASK = Rule(type="product", field="price", platform="woocommerce", policy="manual")


@dataclass
class Clock:
    ms: int = 1_000_000

    def __call__(self) -> int:
        return self.ms


async def test_every_version_is_kept_and_counts_a_little_later(fresh: Database) -> None:
    clock = Clock()
    book = Rulebook(fresh, clock_ms=clock)
    first = await book.save("kandy", [LOCAL], brakes=Brakes(stock_share=0.5), by="session")
    assert (first.version, first.effective_from_ms) == (1, clock.ms + AHEAD_MS)
    clock.ms += 60_000
    second = await book.save("kandy", [ASK], automatic_at=0.9, by="key")
    assert second.brakes == Brakes(stock_share=0.5), "what is not named stays"
    assert second.at(clock.ms + AHEAD_MS - 1) == (1, (LOCAL,))
    assert second.at(clock.ms + AHEAD_MS) == (2, (ASK,))
    assert await book.policies("kandy") == second
    versions = await book.versions("kandy")
    assert [(one.policies.version, one.by) for one in versions] == [(2, "key"), (1, "session")]
    assert versions[1].policies == first
    assert [one.policies.version for one in await book.versions("kandy", before=2)] == [1]
    assert await book.versions("galle") == []


async def test_of_two_who_save_at_once_one_is_told(fresh: Database) -> None:
    books = [Rulebook(fresh) for _ in range(6)]
    done = await asyncio.gather(
        *(book.save("kandy", [LOCAL], expected=0) for book in books), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Policies", *["Stale"] * 5]
    with pytest.raises(Stale):
        await books[0].save("kandy", [], expected=0)


async def test_who_expects_nothing_is_never_told_to_look_again(fresh: Database) -> None:
    books = [Rulebook(fresh) for _ in range(3)]
    done = await asyncio.gather(*(book.save("kandy", [LOCAL]) for book in books))
    assert sorted(one.version for one in done) == [1, 2, 3]


async def test_a_version_of_before_comes_back_as_a_new_one(fresh: Database) -> None:
    book = Rulebook(fresh)
    await book.save("kandy", [LOCAL], brakes=Brakes(deletes=3), automatic_at=0.8)
    await book.save("kandy", [], brakes=Brakes(), automatic_at=0.0)
    restored = await book.restore("kandy", 1)
    assert (restored.version, restored.rules) == (3, (LOCAL,))
    assert (restored.brakes, restored.automatic_at) == (Brakes(deletes=3), 0.8)
    assert (await book.restore("kandy", 0)).rules == ()
    with pytest.raises(NotFound):
        await book.restore("kandy", 9)
    with pytest.raises(NotFound):
        await book.restore("galle", 1)


async def test_a_process_reads_new_rules_before_they_count(fresh: Database) -> None:
    now = 0.0
    reader = Rulebook(fresh, clock=lambda: now)
    assert (await reader.policies("kandy")).version == 0
    await Rulebook(fresh).save("kandy", [LOCAL])
    assert (await reader.policies("kandy")).version == 0
    now = 2.0
    assert (await reader.policies("kandy")).version == 1
    assert now * 1000 < AHEAD_MS


def test_a_rule_takes_the_place_of_the_one_about_the_same() -> None:
    other = Rule(type="product", field="price", platform="woocommerce", policy="remote")
    assert with_rule([ASK, LOCAL], other) == (LOCAL, other)
    assert with_rule([LOCAL], ASK) == (LOCAL, ASK)
