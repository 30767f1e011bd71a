"""One seed on a running system: rounds of changes and blows, each until all has settled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from runtime.chaos.beside import beside
from runtime.chaos.disk import Disks
from runtime.chaos.ground import Ground
from runtime.chaos.journal import Journal
from runtime.chaos.load import Load
from runtime.chaos.plan import Plan, Round
from runtime.chaos.sight import Eyes, Sight
from runtime.chaos.storm import Fault, Storm
from runtime.chaos.verdict import Verdict, verdict
from runtime.demo.merchant import Merchant, Platforms, open_merchant
from runtime.demo.system import System
from schemas.policy import Rule

AT_ONCE = 12
SETTLES_WITHIN_S = 180.0
"""Longer is a failure to live: far above what any recovery takes, on a busy machine too."""
_ATTEMPTS = 9
"""Waits double: over a minute, where Meta goes on for days."""
_LOOK_EVERY_S = 0.4
_LOOK_LIMIT_S = 20.0
_AWAY = (KafkaError, PyMongoError, httpx.TransportError, TimeoutError, OSError)

RULES = (
    Rule(type="product", field="salePrice", policy="manual"),
    Rule(type="product", field="categories", policy="merge"),
)
"""Two sale prices at once are a person's to decide, lists are merged, the newest wins elsewhere."""


@dataclass
class Result:
    """Of one seed. `sight` is the last look, for evidence."""

    seed: int
    organization_id: str
    journal: Journal
    faults: list[Fault]
    weather: Counter[str]
    verdict: Verdict
    sight: Sight | None
    seconds: float = 0.0
    error: str = ""
    """What kept the judge from judging."""
    figures: dict[str, Any] = field(default_factory=dict)
    """For people, by name."""

    @property
    def passed(self) -> bool:
        """Nothing is wrong."""
        return self.verdict.clean and not self.error


@dataclass
class Judge:
    """Looks until all is well."""

    eyes: Eyes
    ground: Ground
    journal: Journal
    verdict: Verdict = field(default_factory=Verdict)
    sight: Sight | None = None
    error: str = ""
    since_ms: float = field(default_factory=lambda: time.time() * 1000)

    async def settle(self, limit_s: float) -> float | None:
        """When all was well for the first of two looks in a row (monotonic); None: not in time."""
        end_s = time.monotonic() + limit_s
        well_s: float | None = None
        while True:
            if await self._look():
                if well_s is not None:
                    return well_s
                well_s = time.monotonic()
            else:
                well_s = None
            if well_s is None and time.monotonic() > end_s:
                return None
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_LIMIT_S):
                self.sight = await self.eyes.look(self.ground.merchant, self.since_ms)
        except _AWAY as error:
            self.error = f"a store does not answer: {error!r}"
            return False
        self.error = ""
        self.verdict = verdict(self.journal, self.sight, self.ground.letters)
        return self.verdict.clean


async def run_seed(
    system: System, eyes: Eyes, plan: Plan, organization_id: str, disks: Disks | None = None
) -> Result:
    """Everything of a seed is below an organisation of its own. It ends with the first round that
    does not settle: what is wrong then must stay to be seen."""
    began_s = time.monotonic()
    platforms = Platforms(load=False, rules=RULES)
    async with open_merchant(system, organization_id, platforms) as merchant:
        ground = Ground(system, merchant, disks)
        journal, storm = Journal(), Storm(ground)
        await _deliver_until_heard(merchant)
        load, judge = Load(merchant, journal), Judge(eyes, ground, journal)
        weather: Counter[str] = Counter()
        await load.stock_up()
        settled_s = await judge.settle(SETTLES_WITHIN_S)
        for place, one in enumerate(plan.rounds):
            if settled_s is None:
                break
            weather.update(one.weather.kinds)
            await storm.spoil(one.weather, plan.seed * 10 + place)
            async with beside(one.beside, ground):
                await _play(one, load, storm)
            await storm.heal(one.lasting)
            settled_s = await judge.settle(SETTLES_WITHIN_S)
            if settled_s is not None:
                storm.recovered(settled_s)
        if settled_s is not None:  # repeats that are still on their way must change nothing
            await merchant.sandbox.drain()
            settled_s = await judge.settle(SETTLES_WITHIN_S)
        judge.verdict.findings += ground.found
        return Result(
            plan.seed, organization_id, journal, storm.faults, weather, judge.verdict, judge.sight,
            time.monotonic() - began_s, judge.error, ground.figures,
        )  # fmt: skip


async def _deliver_until_heard(merchant: Merchant) -> None:
    """Meta and the shop's plugin repeat their webhooks; WooCommerce itself sends each once."""
    url = f"{merchant.web.base_url}/api/webhooks/woocommerce/{merchant.organization_id}"
    await merchant.sandbox.change_shop(
        merchant.shop.name,
        plugin_delivery_url=url,
        plugin_delivery_secret=merchant.shop.webhook_secret,
        delivery_attempts=_ATTEMPTS,
    )
    await merchant.sandbox.change_number(merchant.number, delivery_attempts=_ATTEMPTS)


async def _play(one: Round, load: Load, storm: Storm) -> None:
    """The changes at their pace, some at once, with the blows where the plan has them."""
    turns = asyncio.Semaphore(AT_ONCE)
    blows = list(one.blows)

    async with asyncio.TaskGroup() as tasks:
        began_s = time.monotonic()
        for place, change in enumerate(one.changes):
            while blows and blows[0].before <= place:
                storm.strike(blows.pop(0))
            await turns.acquire()
            making = tasks.create_task(load.make(change))
            making.add_done_callback(lambda _: turns.release())
            early_s = began_s + place / one.per_second - time.monotonic()
            await asyncio.sleep(max(0.0, early_s))
