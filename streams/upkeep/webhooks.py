"""Job `webhooks`: a platform that can tell us of changes by itself does, and goes on doing it.

Its webhooks are made, compared with what was asked for, mended; its rhythm is learned, and where it
is silent for strangely long the gap is asked for. What is found is kept in `ss_webhooks`:

    {_id: "org/replica", state, sinceMs, reason, url, hooks: {topic: what the platform calls it},
     madeMs, mendedMs, mended: [words], gapMs, rhythm: {rates, learned, foldedTo}}
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from pymongo import ReturnDocument

from connectors.errors import Refused
from connectors.protocol import Connection, Subscribes, Subscription
from connectors.registry import connector
from schemas.clock import unix_ms
from streams.database import Document
from streams.organizations import FRESH_S
from streams.upkeep import polling
from streams.upkeep.rhythm import HOUR_MS, WEEK, Rhythm, is_strange, learn
from streams.upkeep.runner import JobContext, Runner
from streams.upkeep.schedule import Every

log = structlog.get_logger(__name__)

KIND = "webhooks"
COLLECTION = "ss_webhooks"
SECONDS = 300.0
PING_S = 6.0
"""How long a ping may need to be told of: the api writes down what it heard every few seconds."""
MADE_MS = 10 * 60_000
"""Webhooks this young and never heard of are still being tried."""
BEGUN = "The shop's webhooks are being set up."
OWNER_GONE = "the user who had made the webhooks may not see the items any more"
BY_HAND_MS = 24 * HOUR_MS
"""Deliveries as young as this are still coming."""
SPARE_MS = 120_000
"""A gap is asked for from a little before the last delivery."""


def register(runner: Runner, public_url: str) -> None:
    """`public_url`: how platforms reach us; empty where they cannot."""

    async def work(job: JobContext) -> None:
        await keep(job, public_url.rstrip("/"))

    runner.register(KIND, work, at_once=2, brief=True)
    runner.every(Every(KIND, seconds=SECONDS, wanted=polling.can_be_asked))


def delivery_url(public_url: str, connection: Connection) -> str:
    """Where this connection's platform delivers to."""
    return f"{public_url}/api/webhooks/{connection.platform}/{connection.organization_id}"


async def keep(job: JobContext, public_url: str) -> None:
    """One look. What the platform refuses is a state people see; errors are the runner's."""
    connection = await job.connection()
    async with job.client(connection) as client:
        if not isinstance(client, Subscribes):
            return
        desk = Desk(job, connection)
        await desk.open()
        if not public_url:
            await desk.told_by_hand()
            return
        url = delivery_url(public_url, connection)
        secret = await desk.secret()
        anew = desk.refused
        try:
            quiet = await desk.plugin_tells()
            if anew:
                await client.unsubscribe(url, desk.hooks)
            known = {} if anew else desk.hooks
            found = await client.subscribe(url, secret, known, quiet=quiet)
        except Refused as error:
            await desk.tell("polling", f"The shop does not take our webhooks: {error}")
            return
        if anew:
            found = replace(found, mended=(OWNER_GONE, *found.mended), missed=True)
        await desk.subscribed(found, url)
        await desk.judge(found, quiet=quiet)


class Desk:
    """What is known of one connection's webhooks."""

    def __init__(self, job: JobContext, connection: Connection) -> None:
        self._job = job
        self._connection = connection
        self._place = connection.place
        self._rows = job.tools.database[COLLECTION]
        self._row: Document = {}
        self._pulse: Document = {}
        self._now_ms = unix_ms()

    async def open(self) -> None:
        """Read what is known, and learn the hours that have passed. From here on there is a row,
        with a state: people look while the platform is being asked. Only here it is made, so that
        a connection removed meanwhile leaves none behind."""
        begun = {"state": "verifying", "reason": BEGUN, "sinceMs": self._now_ms}
        found = await self._rows.find_one_and_update(
            {"_id": self._place},
            {"$setOnInsert": begun},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        self._row = found or begun
        await self._listen()
        await self._learn()

    @property
    def hooks(self) -> Mapping[str, str]:
        """What the platform was asked for."""
        found: Mapping[str, str] = self._row.get("hooks", {})
        return {topic.replace("|", "."): text for topic, text in found.items()}

    @property
    def refused(self) -> bool:
        """Whether deliveries held errors instead of items since the webhooks were made."""
        return int(self._pulse.get("refusedMs", 0)) > int(self._row.get("madeMs", 0))

    @property
    def _heard_ms(self) -> int:
        return int(self._pulse.get("lastMs", 0))

    async def secret(self) -> str:
        """The one that deliveries are signed with; made by us where nobody gave one. Letters and
        digits: WooCommerce decodes HTML entities in it."""
        given = self._connection.secrets.get("webhook_secret", "")
        if given:
            return given
        made = secrets.token_hex(20)
        await self._job.tools.directory.keep_secret(
            self._connection.organization_id, self._connection.id, "webhook_secret", made
        )
        await asyncio.sleep(FRESH_S)  # until every api process knows it
        return made

    async def told_by_hand(self) -> None:
        """Nobody can be told where to deliver, and yet somebody may have said it."""
        if self._now_ms - self._heard_ms < BY_HAND_MS:
            await self.tell("active", "Its webhooks were made by hand.")
            return
        await self.tell(
            "polling",
            "Platforms cannot reach us: SMARTSTORE_PUBLIC_URL is not set. Changes are asked for "
            "every minute instead.",
        )

    async def plugin_tells(self) -> bool:
        """Whether our plugin is there now and has been heard: then native webhooks would only
        repeat it. It may be put in or taken away at any time, so what is found is kept. Raises
        ConnectorError."""
        place = self._connection.organization_id, self._connection.replica
        directory = self._job.tools.directory
        found = await connector(self._connection.platform).capabilities(self._connection)
        if dict(found) != dict(await directory.capabilities(*place)):
            await directory.save_capabilities(*place, found)
        return bool(found.get("plugin")) and int(self._pulse.get("pluginMs", 0)) > 0

    async def subscribed(self, found: Subscription, url: str) -> None:
        """Keep what the platform was asked for; ask for the gap where deliveries were missed."""
        assign: Document = {
            "url": url,
            "hooks": {topic.replace(".", "|"): text for topic, text in found.hooks.items()},
        }
        if set(found.hooks.values()) - set(self.hooks.values()):
            assign["madeMs"] = self._now_ms
        if found.mended:
            assign |= {"mendedMs": self._now_ms, "mended": list(found.mended)}
            log.info("webhooks mended", connection=self._place, mended=found.mended)
        await self._set(assign)
        if found.missed:
            await self._ask_for_gap()

    async def judge(self, found: Subscription, *, quiet: bool) -> None:
        """Whether it is as it should be, in one word and a sentence."""
        if found.refused:
            await self.tell("polling", found.refused)
            return
        if quiet:
            await self.tell("plugin", "Our plugin tells us; the shop's own webhooks are paused.")
            return
        made_ms = int(self._row.get("madeMs", 0))
        heard_ms = max(self._heard_ms, await self._pinged_ms(made_ms))
        if heard_ms < made_ms - SPARE_MS:
            young = self._now_ms - made_ms < MADE_MS
            await self.tell(
                "verifying" if young else "unreached",
                f"Waiting for the shop's first delivery to {self._row['url']}."
                if young
                else f"The shop has delivered nothing to {self._row['url']} yet: check that it can "
                "be reached from the shop. Changes are asked for meanwhile.",
            )
            return
        since_ms = max(self._heard_ms or heard_ms, int(self._row.get("gapMs", 0)))
        if is_strange(self._rhythm(), since_ms, self._now_ms):
            await self._ask_for_gap()
            await self.tell(
                "silent",
                "Nothing came for longer than is usual for this shop; what it may have missed to "
                "tell is being asked for.",
            )
        elif self._row.get("state") != "silent" or self._heard_ms > self._row.get("gapMs", 0):
            await self.tell("active", "")

    async def tell(self, state: str, reason: str) -> None:
        """The state people see; `sinceMs` moves with it only."""
        assign: Document = {"state": state, "reason": reason}
        if self._row.get("state") != state:
            assign["sinceMs"] = self._now_ms
        await self._set(assign)

    async def _pinged_ms(self, made_ms: int) -> int:
        """When the shop last reached us; a webhook made just now is waited for."""
        rows, end_s = self._job.tools.database["ss_pulses"], time.monotonic() + PING_S
        while True:
            found = await rows.find_one({"_id": self._connection.organization_id}) or {}
            pinged_ms = int(found.get("pingMs", 0))
            fresh = made_ms == self._now_ms
            if not fresh or pinged_ms >= made_ms - SPARE_MS or time.monotonic() > end_s:
                return pinged_ms
            await asyncio.sleep(0.5)

    async def _ask_for_gap(self) -> None:
        last_ms = self._heard_ms or int(self._row.get("madeMs", self._now_ms))
        await polling.ask_for_gap(
            self._job.tools.database, self._job.jobs, self._connection, last_ms - SPARE_MS
        )
        await self._set({"gapMs": self._now_ms})

    async def _listen(self) -> None:
        self._pulse = (
            await self._job.tools.database["ss_pulses"].find_one({"_id": self._place}) or {}
        )

    def _rhythm(self) -> Rhythm:
        kept: Mapping[str, Any] = self._row.get("rhythm", {})
        return Rhythm(
            {int(slot): float(rate) for slot, rate in kept.get("rates", {}).items()},
            int(kept.get("learned", 0)),
            int(kept.get("foldedTo", 0)),
        )

    async def _learn(self) -> None:
        """Fold the hours that have passed into the rhythm, and forget them."""
        if not self._pulse:
            return
        hours = {int(hour): int(n) for hour, n in self._pulse.get("hours", {}).items()}
        first = int(self._pulse.get("sinceMs", self._now_ms)) // HOUR_MS
        before = self._rhythm()
        after = learn(before, hours, first, self._now_ms)
        if after == before:
            return
        await self._set(
            {
                "rhythm": {
                    "rates": {str(slot): rate for slot, rate in after.rates.items()},
                    "learned": after.learned,
                    "foldedTo": after.folded_to,
                }
            }
        )
        old = {f"hours.{hour}": "" for hour in hours if hour < after.folded_to - WEEK}
        if old:
            await self._job.tools.database["ss_pulses"].update_one(
                {"_id": self._place}, {"$unset": old}
            )

    async def _set(self, assign: Document) -> None:
        self._row = {**self._row, **assign}
        await self._rows.update_one({"_id": self._place}, {"$set": assign})
