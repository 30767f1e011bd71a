"""What customers write, taken into their conversation and answered: the handler of topic
`observations`, for messages and orders of WhatsApp.

It reads observations, not the raw deliveries (there identity is settled, once for all) and not the
feed (which tells what was agreed, of every platform, and not what was said). It keeps nothing of
its own: conversations move forward only, and an answer is wanted under `reply:<message id>`, which
is one message whatever is read twice.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import stamina
import structlog
from pymongo.errors import PyMongoError

from connectors.protocol import Connection
from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.messages import message_of, spoken
from schemas.base import Fields, split_key
from schemas.clock import unix_ms
from schemas.codec import Undecodable, decode
from schemas.observation import Arrival, Observation
from streams.database import Database
from streams.kafka.publisher import PublishFailed
from streams.kafka.records import Incoming, Publishes
from streams.whatsapp import answering
from streams.whatsapp.answering import Reply, menu, silent
from streams.whatsapp.carts import Carts
from streams.whatsapp.conversations import Conversation, Conversations, Language
from streams.whatsapp.dispatch import command_record
from streams.whatsapp.facts import Facts
from streams.whatsapp.media import want as want_media
from streams.whatsapp.sends import Sends
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

log = structlog.get_logger(__name__)

PLATFORM = "whatsapp"
PATIENCE_S = 25.0
SETTING = "answers"
"""Of a connection: `off` answers nothing by itself."""
MARKERS = (b"/message/", b"/order/")
NEW_NUMBER = ("user_changed_number", "customer_changed_number", "user_changed_user_id")

Park = Callable[[Incoming, str], Awaitable[None]]
"""Put a record into the dead letter with its reason; returns once that is acknowledged."""


class Connections(Protocol):
    """`streams.directory.Directory`."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """None when there is none of this name."""
        ...


class Talks:
    """Bind `handle` to topic `observations`."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        publisher: Publishes,
        park: Park,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._database = database
        self._conversations = Conversations(database)
        self._sends = Sends(database, clock_ms)
        self._facts = Facts(database)
        self._carts = Carts(database)
        self._connections = connections
        self._publisher = publisher
        self._park = park
        self._clock_ms = clock_ms

    async def handle(self, chunk: Sequence[Incoming]) -> None:
        """Returns when all that the chunk says is in the conversations, and every answer is kept.
        Raises PyMongoError after PATIENCE_S without MongoDB."""
        for record in chunk:
            if not any(marker in record.key for marker in MARKERS):
                continue
            try:
                seen = _of_whatsapp(record)
                if seen is None:
                    continue
                async for attempt in stamina.retry_context(
                    on=PyMongoError, attempts=None, timeout=PATIENCE_S, wait_max=2.0
                ):
                    with attempt:
                        await self._take(seen)
            except PyMongoError:
                raise
            except Undecodable as error:
                await self._park(record, f"Not an observation: {error}")
            except Exception as error:  # a fault of ours: it is kept, and its neighbours go on
                # Its place alone: the error's own words may be a customer's.
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{type(error).__name__} in {place.name}:{place.lineno}"
                log.error("a message could not be taken", error=where, offset=record.offset)
                await self._park(record, f"{where}: a fault of ours. Retry after an update.")

    async def _take(self, seen: Observation) -> None:
        connection = await self._connections.connection(seen.organization_id, seen.replica)
        if connection is None or connection.platform != PLATFORM:
            return
        fields = seen.seen.fields
        if seen.type == "order":
            await self._order(seen, connection)
        elif fields.get("direction") == "in":
            await self._inbound(seen, connection)
        elif fields.get("conversationId") and fields.get("status"):
            await self._conversations.note_status(
                seen.organization_id,
                str(fields["conversationId"]),
                seen.entity_id,
                str(fields["status"]),
            )

    async def _inbound(self, seen: Observation, connection: Connection) -> None:
        fields, org = seen.seen.fields, seen.organization_id
        identity = str(fields.get("conversationId") or "")
        if not identity:
            return
        if fields.get("editedAt") or fields.get("revokedAt"):
            text = str(fields.get("body") or "")
            await self._conversations.change_text(org, identity, seen.seen.external_id, text)
            return
        media = fields.get("media") or {}
        if fields.get("type") == "system" and media.get("event") in NEW_NUMBER:
            await self._conversations.moved(org, identity, media)
            return
        conversation = await self._heard(seen, identity, fields)
        await want_media(
            self._database, org, seen.replica, seen.entity_id, fields, self._clock_ms()
        )
        await self._answered(conversation, connection, seen)

    async def _heard(self, seen: Observation, identity: str, fields: Fields) -> Conversation:
        text = str(fields.get("body") or "")
        phone, user = identity if identity.startswith("+") else None, fields.get("senderId")
        if phone and user:
            # Known by WhatsApp's id alone so far: from now on by the number.
            await self._conversations.moved(seen.organization_id, user, {"waId": phone})
        found = await self._conversations.seen_inbound(
            seen.organization_id,
            identity,
            seen.seen.external_id,
            sent_ms(seen),
            text=text or f"[{fields.get('type')}]",
            name=fields.get("senderName"),
            phone=phone,
            user_id=user,
            language=language_of(text),
            replica=seen.replica,
        )
        if phone:
            await self._sends.wake(seen.organization_id, to=phone, why="window")
        return found

    async def _answered(
        self, conversation: Conversation, connection: Connection, seen: Observation
    ) -> None:
        """Consent counts whoever answers; the rest is said only where nobody else does."""
        fields, message_id, at_ms = seen.seen.fields, seen.seen.external_id, sent_ms(seen)
        intent = intent_of(fields)
        org, identity = conversation.organization_id, conversation.conversation_id
        if isinstance(intent, Stop | Start):
            state: Literal["in", "out"] = "out" if isinstance(intent, Stop) else "in"
            source = f"message:{message_id}"
            await self._conversations.record_consent(org, identity, state, source, at_ms)
        if connection.settings.get(SETTING) == "off" or not connection.active:
            return
        if silent(conversation, at_ms, self._clock_ms()) or isinstance(intent, Silence):
            return
        language = _language(conversation, str(fields.get("body") or ""), intent)
        reply = await self._reply(conversation, connection, intent, language, at_ms)
        if reply is not None:
            await self._say(conversation, connection, message_id, reply)
        # After the answer is kept: a crash in between repeats it all.
        if isinstance(intent, Person):
            await self._conversations.hand_over(org, identity, "customer", at_ms)
        if isinstance(intent, Choose):
            await self._conversations.choose_language(org, identity, intent.language)

    async def _reply(
        self,
        conversation: Conversation,
        connection: Connection,
        intent: Intent,
        language: Language,
        at_ms: int,
    ) -> Reply | None:
        match intent:
            case Stop():
                return answering.spoken("stop", language)
            case Start():
                return answering.spoken("start", language)
            case Choose():
                return answering.spoken("language", language)
            case Person():
                return answering.spoken("person", language)
            case Menu():
                return menu(language)
            case OrderState(number):
                found = await self._facts.orders(conversation, number)
                return answering.orders(language, found, number)
            case Products():
                return await self._products(conversation, connection, intent, language, at_ms)
        return None

    async def _products(
        self,
        conversation: Conversation,
        connection: Connection,
        intent: Products,
        language: Language,
        at_ms: int,
    ) -> Reply | None:
        org, replica = conversation.organization_id, connection.replica
        currency = connection.settings.get("currency", "")
        if intent.sku:
            item = await self._facts.item(org, intent.sku, replica, currency)
            return answering.products(language, [item] if item else [], asked=True)
        found = await self._facts.products(org, intent.words, replica, currency)
        if found or intent.sure:
            return answering.products(language, found, asked=bool(intent.words))
        if not await self._conversations.may_ask(
            org, conversation.conversation_id, at_ms, answering.UNCLEAR_EVERY_MS
        ):
            return None
        return menu(language, "unclear")

    async def _order(self, seen: Observation, connection: Connection) -> None:
        """A cart: thanks, and what is different from what was seen."""
        fields = seen.seen.fields
        person = fields.get("billing") or {}
        identity = str(person.get("phone") or person.get("whatsapp") or "")
        if not identity or seen.seen.mark is not None:
            return
        told = {"type": "order", "body": fields.get("note"), "senderName": person.get("name")}
        told["senderId"] = person.get("whatsapp")
        conversation = await self._heard(seen, identity, told)
        off = connection.settings.get(SETTING) == "off" or not connection.active
        if off or silent(conversation, sent_ms(seen), self._clock_ms()):
            return
        fact = await self._carts.told(seen.organization_id, seen.seen.external_id, fields)
        language = conversation.language or "en"
        reply = answering.cart(language, fact)
        await self._say(conversation, connection, seen.seen.external_id, reply)

    async def _say(
        self,
        conversation: Conversation,
        connection: Connection,
        message_id: str,
        reply: Reply,
    ) -> None:
        catalogue = connection.settings.get("catalog_id", "")
        try:
            message = message_of(reply.kind, reply.content, catalog_id=catalogue)
        except BadMessage as error:
            log.error("an answer does not fit", kind=reply.kind, reason=str(error))
            return
        row = await self._sends.want(
            conversation.organization_id,
            f"reply:{message_id}",
            replica=connection.replica,
            to=str(conversation.phone),
            purpose="answer",
            kind=reply.kind,
            message=message,
            text=spoken(message),
        )
        # At once; what is lost here is sent when it is found waiting.
        if row.state == "waiting":
            with contextlib.suppress(PublishFailed):
                await self._publisher.publish(command_record(row, self._clock_ms()))


def _of_whatsapp(record: Incoming) -> Observation | None:
    """What was seen of a message or order, where it may be of WhatsApp. Raises Undecodable."""
    try:
        _, entity_type, _ = split_key(record.key)
    except ValueError:
        return None
    if entity_type not in ("message", "order"):
        return None
    seen: Arrival = decode(record.value, Arrival)  # type: ignore[arg-type]
    if not isinstance(seen, Observation) or not seen.replica.startswith(PLATFORM):
        return None
    return seen


def sent_ms(seen: Observation) -> int:
    """When the customer sent it, by Meta's time; when it came, where that is not told."""
    return seen.seen.changed_at_ms or seen.received_at_ms


def _language(conversation: Conversation, text: str, intent: Intent) -> Language:
    """That of the choice just made, of the script just written, else the one known."""
    if isinstance(intent, Choose):
        return intent.language
    return language_of(text) or conversation.language or "en"
