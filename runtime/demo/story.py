"""The course of the demo: every kind of change once, then shopkeepers and customers at work."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from runtime.convergence import Judgement, wait_until_same
from runtime.demo.board import Board
from runtime.demo.merchant import Merchant
from runtime.demo.scenes import EVENTS, BadSetting, Given, Scene
from runtime.demo.watch import Change, Expectation, Watcher
from sandbox.data import PRODUCTS

ARRIVES_WITHIN_S = 20.0
SETTLES_WITHIN_S = 60.0
EVERY_S = (2.0, 5.0)
_SEED = 2026
_ROUNDS = 3
"""Times each kind of change is made in `--once`: enough for a 99th percentile to mean something."""
_CONFLICT = "conflict.price"


@dataclass(frozen=True)
class Summary:
    """What `--once --json` prints."""

    changes: int
    arrived: int
    lost: int
    conflicts: int
    p50_ms: float | None
    p99_ms: float | None
    converged: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass
class Tally:
    """Counts while the story goes on."""

    changes: list[Change] = field(default_factory=list)
    conflicts: int = 0

    def expectations(self) -> list[tuple[Change, Expectation]]:
        """Everything that had to land."""
        return [(change, one) for change in self.changes for one in change.expected]

    def summary(self, judgement: Judgement) -> Summary:
        """Figures of all changes so far."""
        found = [change.latency_ms(one) for change, one in self.expectations()]
        landed = sorted(latency_ms for latency_ms in found if latency_ms is not None)
        return Summary(
            changes=len(self.changes),
            arrived=len(landed),
            lost=len(found) - len(landed),
            conflicts=self.conflicts,
            p50_ms=percentile(landed, 50),
            p99_ms=percentile(landed, 99),
            converged=judgement.converged,
        )


def percentile(ordered: list[float], percent: int) -> float | None:
    """The value that so many percent do not exceed, rounded to 0.1; None of nothing."""
    if not ordered:
        return None
    place = max(0, -(-len(ordered) * percent // 100) - 1)
    return round(ordered[place], 1)


async def wait_until_loaded(merchant: Merchant) -> Judgement:
    """Until all sides hold the shop as it was loaded."""
    return await wait_until_same(merchant.places, SETTLES_WITHIN_S)


async def play(
    name: str, merchant: Merchant, watcher: Watcher, board: Board, tally: Tally, given: Given
) -> Change:
    """One change of this kind, until it has arrived everywhere or it is too late."""
    return await _follow(await EVENTS[name](merchant, given), watcher, board, tally)


async def _follow(scene: Scene, watcher: Watcher, board: Board, tally: Tally) -> Change:
    board.begin(scene.change)
    await scene.play()
    tally.changes.append(scene.change)
    complete = await watcher.expect(scene.change, ARRIVES_WITHIN_S)
    board.end(scene.change, complete=complete)
    return scene.change


async def play_all(merchant: Merchant, watcher: Watcher, board: Board) -> tuple[Summary, Judgement]:
    """Every kind of change, the conflict decided by a person, then the judgement."""
    tally = Tally()
    given = Given(dice=random.Random(_SEED))  # noqa: S311
    for _ in range(_ROUNDS):
        for name in EVENTS:
            if name != _CONFLICT:
                await play(name, merchant, watcher, board, tally, given)
    await play_conflict(merchant, watcher, board, tally, given)
    judgement = await wait_until_same(merchant.places, SETTLES_WITHIN_S)
    return tally.summary(judgement), judgement


async def play_conflict(
    merchant: Merchant, watcher: Watcher, board: Board, tally: Tally, given: Given
) -> None:
    """Two prices at once: a conflict opens, a person takes MongoDB's, which arrives in the shop."""
    product = given.product()
    here = "1111"
    settings: Mapping[str, str] = {"sku": product.sku, "price": here}
    given = Given(settings, dice=given.dice)
    await play(_CONFLICT, merchant, watcher, board, tally, given)
    conflict = await _opened(merchant, product.key)
    if conflict is None:
        board.say(f"✘ no conflict opened for {product.sku}")
        return
    tally.conflicts += 1
    shown = ", ".join(f"{side} {value}" for side, value in conflict["candidates"].items())
    board.say(f"! {product.sku}: {conflict['field']} is contested ({shown})")
    decided = Change(f"{product.sku}: a person takes MongoDB's price", "person")
    decided.expected.append(_settled(product.number, here))

    async def resolve() -> None:
        await merchant.resolve(conflict, "local")

    await _follow(Scene(decided, resolve), watcher, board, tally)


def _settled(number: int, price: str) -> Expectation:
    def test(landing: Any) -> bool:
        same = (landing.kind, landing.item) == ("product", str(number))
        return same and landing.fields.get("regular_price") == price

    return Expectation("woocommerce", "decided price", test)


async def _opened(merchant: Merchant, entity_id: str) -> dict[str, Any] | None:
    end_s = time.monotonic() + ARRIVES_WITHIN_S
    while time.monotonic() < end_s:
        for conflict in await merchant.open_conflicts():
            if conflict["entityId"] == entity_id and conflict["field"] == "price":
                return conflict
        await asyncio.sleep(0.1)
    return None


async def keep_shop(merchant: Merchant, watcher: Watcher, board: Board) -> None:
    """A change every few seconds, until cancelled."""
    dice = random.Random()  # noqa: S311
    tally = Tally()
    usual = [name for name in EVENTS if name not in (_CONFLICT, "mongo.product.created")]
    while True:
        try:
            contested = {conflict["entityId"] for conflict in await merchant.open_conflicts()}
            given = Given(_chosen(dice, contested), dice=dice)
            await play(dice.choice(usual), merchant, watcher, board, tally, given)
        except BadSetting:
            pass  # no order to cancel yet: the next one
        except (httpx.HTTPError, OSError) as error:
            board.say(f"! a shopkeeper could not work: {error!r}")
        tally.changes.clear()
        await asyncio.sleep(dice.uniform(*EVERY_S))


def _chosen(dice: random.Random, contested: set[str]) -> dict[str, str]:
    """A product with much stock, so that a long demo does not sell out, and none whose price waits
    for a person."""
    plenty = [product for product in PRODUCTS if (product.stock or 0) >= 50]
    free = [product.sku for product in plenty if product.key not in contested]
    sku = dice.choice(free or [product.sku for product in plenty])
    return {"sku": sku, "quantity": "1", "app": "1", "shop": "1"}
