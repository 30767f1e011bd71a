"""What WhatsApp's statuses say of messages that we sent: the ledger is settled by them, and what
failed is tried another way where the code's rule allows it.

Deliveries come twice and in any order: everything here is done once an attempt, or changes nothing
the second time.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.protocol import EffectSettled
from connectors.whatsapp.codes import Then, code_in, rule_of, words_of
from schemas.clock import unix_ms
from schemas.outcome import Outcome
from streams.database import Database
from streams.effects.ledger import Ledger
from streams.whatsapp.budget import Spending
from streams.whatsapp.compose import after_failure
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.notify import month_of
from streams.whatsapp.sends import Outgoing, Sends, attempt_of
from streams.whatsapp.templates import Templates


class Receipts:
    """Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._ledger = Ledger(database)
        self._sends = Sends(database, clock_ms)
        self._spending = Spending(database)
        self._templates = Templates(database, clock_ms)
        self._conversations = Conversations(database)

    async def evidence(
        self, organization_id: str, settled: EffectSettled, now_ms: int
    ) -> Outcome | None:
        """The outcome to publish when this settles what nobody knew."""
        outcome = await self._ledger.evidence(
            organization_id,
            settled.effect_key,
            settled.vendor_id,
            settled.status,
            settled.reason,
            now_ms,
        )
        key, attempt = attempt_of(settled.effect_key)
        row = await self._sends.of_key(organization_id, key)
        if row is None or row.attempt != attempt:
            return outcome
        if settled.status == "failed":
            await self._failed(row, settled, now_ms)
        else:
            if row.state != "sent":
                await self._sends.change(row, state="sent", vendorId=settled.vendor_id, reason="")
            await self._sends.delivered(row, settled.status)
            await self._charged(row, settled)
        return outcome

    async def _failed(self, row: Outgoing, settled: EffectSettled, now_ms: int) -> None:
        code = code_in(settled.reason)
        rule = rule_of(code)
        if rule is not None and rule.then is Then.OPT_OUT:
            await self._conversations.record_consent(
                row.organization_id, row.to, "out", f"error:{code}", now_ms
            )
        if rule is not None and row.sent.get("template"):
            await self._templates.refused(
                row.organization_id, row.replica, row.sent["template"], row.sent["language"],
                rule.then,
            )  # fmt: skip
        again = after_failure(code, row.attempt)
        reason = words_of(settled.reason)[:500]
        if again is not None:
            begun = await self._sends.again(
                row, again.wait_ms, why="failed", reason=reason, noFree=row.no_free or again.no_free
            )
        else:
            begun = await self._sends.change(
                row, state="failed", why="failed", reason=reason, vendorId=settled.vendor_id
            )
        if begun and row.cost:
            await self._give_back(row, -row.cost, -1)

    async def _charged(self, row: Outgoing, settled: EffectSettled) -> None:
        """Meta's word takes the estimate's place, once."""
        if settled.billable is None or not row.sent:
            return
        cost = int(row.sent.get("price") or row.cost) if settled.billable else 0
        if cost != row.cost and await self._sends.charge(row, cost):
            await self._give_back(row, cost - row.cost, bool(cost) - bool(row.cost))

    async def _give_back(self, row: Outgoing, change: int, messages: int) -> None:
        month = row.sent.get("month") or month_of(row.created_ms, "UTC")[0]
        await self._spending.correct(row.organization_id, month, change, messages)
