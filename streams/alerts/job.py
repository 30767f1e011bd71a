"""Job `alerts`: what is wrong in an organisation is looked at every minute, people are told, and
what did not reach them is tried again. The default organisation's job looks at the servers too, for
whoever runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from schemas.clock import unix_ms
from streams.alerts.channels import Channels
from streams.alerts.conditions import OPERATOR as OPERATOR_RULES
from streams.alerts.conditions import SHOP
from streams.alerts.desk import OPERATOR, AlertDesk, Message, new_message
from streams.alerts.evaluate import Fact, News, Rule, evaluate
from streams.alerts.facts import Servers, shop_facts
from streams.alerts.settings import AlertSettings
from streams.connections import DEFAULT_ORGANIZATION
from streams.upkeep.runner import JobContext, Runner
from streams.upkeep.schedule import Every

log = structlog.get_logger(__name__)

KIND = "alerts"
SECONDS = 60.0
OPERATOR_NAME = "SmartStore Sync"


@dataclass(frozen=True)
class Watching:
    """What the job works with besides the runner's tools."""

    desk: AlertDesk
    channels: Channels
    servers: Servers
    clock_ms: Callable[[], int] = unix_ms

    async def look(self, organization_id: str) -> None:
        """One organisation, and the servers with the default one. Raises PyMongoError."""
        channels, at_ms = self.channels, self.clock_ms()
        facts = await shop_facts(channels.database, channels.directory, organization_id, at_ms)
        settings = await self.desk.settings(organization_id)
        rules = {name: rule for name, rule in SHOP.items() if name not in settings.off}
        shop = await channels.directory.name_of(organization_id)
        await self._tell(organization_id, shop, settings, facts, rules)
        if organization_id == DEFAULT_ORGANIZATION:
            facts, blind = await self.servers.facts()
            operator = channels.environment.operator
            await self._tell(OPERATOR, OPERATOR_NAME, operator, facts, OPERATOR_RULES, blind)

    async def _tell(
        self,
        place: str,
        name: str,
        settings: AlertSettings,
        facts: Sequence[Fact],
        rules: Mapping[str, Rule],
        blind: Collection[str] = (),
    ) -> None:
        at_ms = self.clock_ms()
        known = await self.desk.open_alerts(place)
        last_ms = await self.desk.last_told_ms(place)
        found = evaluate(known, facts, rules, at_ms, blind=blind, last_told_ms=last_ms)
        message: Message | None = None
        if found.news:
            log.warning("alerts", organization=place, news=[_key(one) for one in found.news][:20])
            message = new_message(place, name, settings, found.news, at_ms)
        await self.desk.keep(place, found, known, message)
        for due in await self.desk.due(place, at_ms):
            await self.channels.deliver(self.desk, due, at_ms)


def register(runner: Runner, watching: Watching) -> None:
    """Every minute, in one process, for each organisation."""

    async def work(job: JobContext) -> None:
        await watching.look(job.organization_id)

    runner.register(KIND, work, at_once=2, brief=True)
    runner.every(Every(KIND, seconds=SECONDS, wanted=None))


def _key(one: News) -> str:
    return f"{one.what} {one.alert.key}"
