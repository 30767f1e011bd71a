"""Sends what is wanted: the performer of WhatsApp's sink.

An `order_status` or `shipment_status` of the engine becomes a row of `ss_sends`; a `message` names
a row that is there. Then the same for all: the planner decides, the ledger's key is claimed, the
call is made once, and what came of it is kept. Whatever ends this process in between leaves a row
that is due again, and a claim that is never called twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import stamina
from msgspec import structs
from pymongo.errors import PyMongoError

from connectors.protocol import Answer
from connectors.whatsapp.codes import Meaning, Rule, Then, code_in, rule_of, words_of
from connectors.whatsapp.messages import spoken
from schemas.clock import unix_ms
from schemas.command import Perform
from schemas.outcome import Outcome, Result
from streams.couriers.orders import whole_name
from streams.database import Database
from streams.directory import Directory
from streams.effects.calls import Calls
from streams.effects.ledger import CLAIM_MS, Entry, Ledger, State
from streams.entities import find_record
from streams.kafka.records import Publishes
from streams.links import Links
from streams.sinks.lines import Line, Said
from streams.sinks.outcomes import outcome_of
from streams.whatsapp.budget import Spending
from streams.whatsapp.compose import after_failure, want_of
from streams.whatsapp.conversations import Conversations
from streams.whatsapp.notify import Notifications, month_of, notifications_of
from streams.whatsapp.planner import Drop, Hold, Send, Stand
from streams.whatsapp.planning import Planning
from streams.whatsapp.rates import Rates
from streams.whatsapp.sends import Outgoing, Sends, attempt_of
from streams.whatsapp.showing import Showing
from streams.whatsapp.templates import Templates

EFFECTS = {"order_status": "order", "shipment_status": "shipment"}
PATIENCE_S = 20.0
AGAIN_MS = 1_000
SPAM_MS = 3_600_000


class Sending:
    """One a process. Errors: PyMongo's own before a call is made; PublishFailed."""

    def __init__(
        self,
        database: Database,
        *,
        publisher: Publishes,
        links: Links,
        directory: Directory,
        rates: Rates,
        calls: Calls | None = None,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._database = database
        self._ledger = Ledger(database, calls)
        self._sends = Sends(database, clock_ms)
        self._templates = Templates(database, clock_ms)
        self._spending = Spending(database)
        self._conversations = Conversations(database)
        self._planning = Planning(
            templates=self._templates,
            spending=self._spending,
            conversations=self._conversations,
            directory=directory,
            rates=rates,
            clock_ms=clock_ms,
        )
        self._showing = Showing(publisher, links, self._conversations, self._sends, clock_ms)
        self._links = links
        self._clock_ms = clock_ms

    async def perform(self, command: Perform, line: Line) -> Outcome:
        """One effect, as far as it goes now."""
        settings = notifications_of(line.connection)
        if command.effect in EFFECTS:
            row = await self._wanted(command, settings)
        else:
            key, _ = attempt_of(command.effect_key)
            row = await self._sends.of_key(command.organization_id, key)
        if row is None:
            return self._told(command, "failed", "the customer has no phone number")
        if row.state in ("sent", "failed", "unknown", "dropped", "cancelled"):
            return self._over(command, row)
        command = structs.replace(
            command, effect="message", effect_key=row.effect_key, arguments={"to": row.to}
        )
        if row.sent:
            # It went as far as a call before: whether that was made, the ledger knows.
            entry = await self._ledger.look(row.organization_id, row.effect_key)
            free = entry is None or entry.state == "released"
            if entry is not None and not free and not self._ledger.abandoned(command, entry):
                return await self._claimed(command, row, entry)
        if row.purpose == "answer" and await self._sends.earlier(row):
            await self._sends.change(row, dueAtMs=self._clock_ms() + AGAIN_MS)
            return self._later(command, AGAIN_MS, "an earlier message to the same person is first")
        customer, language = await self._planning.customer(row)
        want = want_of(row, settings, language)
        decided, stand = await self._planning.decide(row, want, customer, settings, line)
        if isinstance(decided, Hold):
            return await self._hold(command, row, decided)
        if isinstance(decided, Drop):
            await self._sends.change(row, state="dropped", why=decided.why, reason=decided.reason)
            await self._showing.over(row)
            return self._told(command, "taken", f"not sent: {decided.reason}")
        return await self._send(command, row, decided, stand, settings, line)

    # What is wanted

    async def _wanted(self, command: Perform, settings: Notifications) -> Outgoing | None:
        """The notification's row; None where there is nobody to write to."""
        facts = {k: str(v) for k, v in command.arguments.items() if v not in (None, "")}
        kind = EFFECTS[command.effect]
        order_id = command.entity_id if kind == "order" else facts.get("orderId", "")
        if kind == "shipment" and order_id:
            facts = {**await self._order(command.organization_id, order_id), **facts}
        to = facts.pop("to", "")
        if not to:
            return None
        row = await self._sends.want(
            command.organization_id,
            command.effect_key,
            replica=command.replica,
            to=to,
            purpose="notification",
            kind=command.effect,
            event={**facts, "kind": kind},
            about=(command.type, command.entity_id),
            group=f"order:{order_id or command.entity_id}",
            wait_ms=settings.wait_s * 1000,
        )
        return row

    async def _order(self, organization_id: str, order_id: str) -> dict[str, str]:
        """What a parcel's order says of its customer."""
        record = await find_record(self._database, organization_id, "order", order_id)
        if record is None:
            return {}
        found = {"number": whole_name(record, order_id)}
        for field in ("billing", "shipping"):
            person = record.fields[field].value if field in record.fields else None
            if isinstance(person, Mapping):
                phone, name = person.get("phone"), person.get("name")
                if isinstance(phone, str) and phone.startswith("+"):
                    found.setdefault("to", phone)
                if isinstance(name, str) and name:
                    found.setdefault("name", name)
        return found

    async def _hold(self, command: Perform, row: Outgoing, hold: Hold) -> Outcome:
        state = "waiting" if hold.brief else "held"
        await self._sends.change(
            row, state=state, why=hold.why, reason=hold.reason, dueAtMs=hold.until_ms
        )
        if hold.brief:
            return self._later(command, hold.until_ms - self._clock_ms(), hold.reason)
        await self._showing.queued(row, row.text)
        # Whoever asked has done their part: it is listed, and due again by itself.
        return self._told(command, "taken", f"held: {hold.reason}")

    # The call

    async def _send(
        self,
        command: Perform,
        row: Outgoing,
        send: Send,
        stand: Stand,
        settings: Notifications,
        line: Line,
    ) -> Outcome:
        month, _ = month_of(stand.now_ms, settings.time_zone)
        cost, org = send.cost, row.organization_id
        text = send.text or spoken(send.message)
        row = await self._showing.queued(row, text)
        if cost and not await self._spending.reserve(org, month, cost, settings.cap):
            hold = Hold("budget", "this month's spend cap is reached", stand.budget.next_month_ms)
            return await self._hold(command, row, hold)
        sent = {
            "template": send.template,
            "language": send.language,
            "category": send.category,
            "price": str(stand.budget.prices.get(send.category, 0)),
            "month": month,
        }
        # Before the claim: a status may be faster than the call's own answer, and nothing should
        # take time between claim and call.
        current = await self._sends.change(
            row, only_open=True, sent=sent, cost=cost, text=text, reason="", why=""
        )
        entry = await self._ledger.claim(command, self._clock_ms()) if current else None
        if entry is None or not entry.mine:
            await self._spending.correct(org, month, -cost, -1 if cost else 0)
            if entry is None:
                return self._later(command, AGAIN_MS, "it has changed at this moment")
            return await self._claimed(command, row, entry)
        arguments: dict[str, Any] = {"to": row.to, "message": dict(send.message)}
        if row.reply_to:
            arguments["replyTo"] = row.reply_to
        said = await self._called(structs.replace(command, arguments=arguments), entry, line)
        answer = said.answer
        if cost and answer.result not in ("taken", "unknown"):
            await self._spending.correct(org, month, -cost, -1)
        async for attempt in stamina.retry_context(
            on=PyMongoError, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=2.0
        ):
            with attempt:
                await self._settle(command, answer)
        return await self._answered(command, row, send, said, line)

    async def _called(self, command: Perform, entry: Entry, line: Line) -> Said:
        """The one call. Where it cannot be noted down that it begins, it does not."""
        try:
            self._ledger.begin(command, entry)
        except (OSError, LookupError) as error:
            return Said(Answer("retry", reason=f"it could not be noted down: {error}"))
        return await line.perform(command)

    async def _settle(self, command: Perform, answer: Answer) -> None:
        states: dict[str, State] = {"taken": "sent", "retry": "released", "unknown": "unknown"}
        await self._ledger.settle(
            command,
            states.get(answer.result, "failed"),
            self._clock_ms(),
            answer.external_id or "",
            answer.reason,
        )

    async def _answered(
        self, command: Perform, row: Outgoing, send: Send, said: Said, line: Line
    ) -> Outcome:
        """What the call came to. All of this may be lost in a crash: the ledger knows."""
        answer, place = said.answer, (row.organization_id, row.replica)
        reason = words_of(answer.reason)
        match answer.result:
            case "taken":
                wamid = answer.external_id or ""
                await self._sends.change(row, state="sent", vendorId=wamid, reason="", why="")
                await self._links.link(
                    row.organization_id, row.replica, "message", row.entity_id, wamid
                )
                await self._planning.well(place)
                return self._told(command, "taken", "")
            case "unknown":
                await self._sends.change(row, state="unknown", why="unknown", reason=reason)
                return self._told(command, "unknown", reason)
            case "retry":
                return await self._again(command, row, said, line)
        return await self._failed(command, row, send, answer)

    async def _again(self, command: Perform, row: Outgoing, said: Said, line: Line) -> Outcome:
        """Surely not done. Who has to wait for it depends on the code."""
        answer, now_ms = said.answer, self._clock_ms()
        rule = rule_of(code_in(answer.reason)) or Rule(Meaning.LATER)
        place = (row.organization_id, row.replica)
        reason = words_of(answer.reason)
        until_ms = said.retry_at_ms or now_ms + AGAIN_MS
        if rule.meaning in (Meaning.SPAM, Meaning.STOPPED):
            if rule.meaning is Meaning.SPAM:
                until_ms = now_ms + SPAM_MS
                self._planning.rest(place, until_ms, reason)
            # Stopped: the line itself rests, and is opened anew once a person has changed it.
            await self._planning.trouble(place, reason)
            return await self._hold(command, row, Hold("connection", reason, until_ms))
        if rule.meaning is Meaning.RECIPIENT:
            self._planning.rest_for(line, row.to, until_ms - now_ms)
        elif rule_of(code_in(answer.reason)) is not None:
            self._planning.rest(place, until_ms, reason, briefly=True)
        return await self._hold(command, row, Hold("later", reason, until_ms))

    async def _failed(self, command: Perform, row: Outgoing, send: Send, answer: Answer) -> Outcome:
        """Refused at once: another way where the code's rule has one."""
        code = answer.code if answer.code is not None else code_in(answer.reason)
        rule, reason = rule_of(code), words_of(answer.reason)
        if rule is not None and rule.then is Then.OPT_OUT:
            await self._conversations.record_consent(
                row.organization_id, row.to, "out", f"error:{code}", self._clock_ms()
            )
        if rule is not None and send.template:
            await self._templates.refused(
                row.organization_id, row.replica, send.template, send.language, rule.then
            )
        again = after_failure(code, row.attempt)
        if again is not None:
            await self._sends.again(
                row, again.wait_ms, why="failed", reason=reason, noFree=row.no_free or again.no_free
            )
            return self._told(command, "taken", f"{reason}; tried another way")
        await self._sends.change(row, state="failed", why="failed", reason=reason)
        await self._showing.over(row)
        return self._told(command, "failed", reason)

    async def _claimed(self, command: Perform, row: Outgoing, entry: Entry) -> Outcome:
        """The key was taken before: by a call under way, or by one whose end we know."""
        if entry.state == "claimed":
            # Another process is at it, or was: after a while nobody is, and it is unknown.
            due_ms, now_ms = entry.claimed_at_ms + CLAIM_MS + 1000, self._clock_ms()
            if due_ms > now_ms:
                waits = {"dueAtMs": due_ms, "why": "later", "reason": "being sent"}
                await self._sends.change(row, only_open=True, **waits)
                return self._later(command, due_ms - now_ms, "being sent")
            entry = await self._ledger.claim(command, now_ms)
            if entry.mine:  # given back at this very moment
                await self._ledger.settle(command, "released", now_ms)
                return self._later(command, AGAIN_MS, "it is tried again")
        if entry.state == "sent":
            await self._sends.change(row, state="sent", vendorId=entry.vendor_id, reason="", why="")
            return self._told(command, "taken", "")
        if entry.state == "failed":
            asked = Send({}, row.sent.get("template", ""), row.sent.get("language", ""))
            answer = Answer("failed", reason=entry.reason, code=code_in(entry.reason))
            return await self._failed(command, row, asked, answer)
        await self._sends.change(row, state="unknown", why="unknown", reason=entry.reason)
        return self._told(command, "unknown", entry.reason)

    # Telling

    def _over(self, command: Perform, row: Outgoing) -> Outcome:
        match row.state:
            case "unknown":
                return self._told(command, "unknown", row.reason)
            case "failed":
                return self._told(command, "failed", row.reason)
            case "dropped" | "cancelled":
                return self._told(command, "taken", f"not sent: {row.reason}")
        return self._told(command, "taken", "")

    def _told(self, command: Perform, result: Result, reason: str) -> Outcome:
        key, _ = attempt_of(command.effect_key)
        asked = structs.replace(command, effect_key=key)
        return outcome_of(asked, result, self._clock_ms(), reason=reason)

    def _later(self, command: Perform, wait_ms: int, reason: str) -> Outcome:
        key, _ = attempt_of(command.effect_key)
        now_ms = self._clock_ms()
        return outcome_of(
            structs.replace(command, effect_key=key),
            "retry",
            now_ms,
            reason=reason,
            retry_at_ms=now_ms + max(wait_ms, 50),
        )
