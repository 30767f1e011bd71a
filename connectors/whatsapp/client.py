"""The I/O of one number and its catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import httpx

from connectors.errors import Refused, Retry, Unknown
from connectors.protocol import Answer, Links, StateCommand
from connectors.whatsapp.batches import DEADLINE_S, MAX_REQUESTS, Batches
from connectors.whatsapp.catalogue import (
    ACTIVE,
    MAX_SKU,
    Item,
    NotAnItem,
    Unfit,
    fields_of,
    merged,
    method_of,
)
from connectors.whatsapp.codes import code_in, pair_wait_s
from connectors.whatsapp.graph import Graph, TooFast
from connectors.whatsapp.limits import BadMessage
from connectors.whatsapp.messages import envelope, mark_read
from connectors.whatsapp.pace import Pace
from connectors.whatsapp.settings import Account
from connectors.whatsapp.templates import Needed, Template, listed
from connectors.whatsapp.tokens import ask_end
from connectors.whatsapp.wire import Record, records, text
from schemas.base import Operation
from schemas.command import Create, Delete, Perform, Read
from schemas.phone import NotANumber

ITEM_TYPES = ("product", "variation")
NOT_YET = Answer(result="missing", reason="its product is not in the catalogue yet")
MAX_RECIPIENTS = 10_000
MAX_REMEMBERED = 10_000
MAX_PAGES = 20
TEMPLATE_FIELDS = "name,language,status,category,quality_score,components,rejected_reason"


class Shelf(Protocol):
    """Who knows what is for sale (`streams.whatsapp.shelf`)."""

    async def unsold(self, organization_id: str, entity_ids: Iterable[str]) -> set[str]:
        """Those products and variations of these that are not for sale."""
        ...


class WhatsAppClient:
    """One per connection, kept open: it remembers which batches are under way."""

    at_once = MAX_REQUESTS
    """Commands that one call of `apply` is best given: Meta counts calls."""

    def __init__(
        self,
        account: Account,
        transport: httpx.AsyncBaseTransport | None = None,
        deadline_s: float = DEADLINE_S,
        shelf: Shelf | None = None,
    ) -> None:
        self._account = account
        self._shelf = shelf
        self._sold: dict[str, bool] = {}
        """Of products and variations: what was last written of whether they are for sale."""
        self._graph = Graph(account, transport)
        pace = Pace(account.catalog_gap_s)
        self._batches = Batches(self._graph, account.catalog_id, deadline_s, pace)
        self._refusals: dict[str, int] = {}
        """Recipient to how often Meta found us too fast for them in a row."""

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """Catalogue items, product and stock of one SKU in one request. Answers in order.

        Raises Retry and Paused for all of them.
        """
        found: dict[int, Answer] = {}
        skus: dict[int, str] = {}
        for place, command in enumerate(commands):
            sku = await self._sku_of(command, links)
            if isinstance(sku, Answer):
                found[place] = sku
            else:
                skus[place] = sku
        try:
            await self._settle(commands, skus, found)
            items = self._items(commands, skus, found, await self._unsold(commands))
            if items:
                ops = {
                    item.sku: _operations([commands[place] for place in item.places])
                    for item in items
                }
                answers = await self._batches.write(items, ops)
                for item in items:
                    for place in item.places:
                        found[place] = self._told(commands[place], item, answers[item.sku])
        except Unknown as error:
            # State: the same items sent twice are the same items.
            raise Retry(str(error)) from None
        return [found[place] for place in range(len(commands))]

    async def _sku_of(self, command: StateCommand, links: Links) -> str | Answer:
        if not self._account.catalog_id:
            return Answer(result="failed", reason="the connection has no catalog_id")
        if isinstance(command, Read):
            return Answer(result="failed", reason="the catalogue is written, not read")
        sku = str(command.want.get("sku") or "") if isinstance(command, Create) else ""
        if not isinstance(command, Create):
            sku = command.external_id
        types = ITEM_TYPES if command.type == "inventory" else ()
        for entity_type in (command.type, *types):
            if sku:
                break
            sku = (
                await links.external_id(
                    command.organization_id, command.replica, entity_type, command.entity_id
                )
                or ""
            )
        if not sku:
            return NOT_YET
        if len(sku) > MAX_SKU:
            return Answer(result="failed", reason=f"the SKU is over {MAX_SKU} characters")
        return sku

    async def _settle(
        self, commands: Sequence[StateCommand], skus: dict[int, str], found: dict[int, Answer]
    ) -> None:
        """Items with a batch under way: a repeated operation is answered by it, another waits."""
        handles = await self._batches.settle(list(skus.values()))
        for place, sku in skus.items():
            handle = handles.get(sku)
            if handle is None:
                continue
            command = commands[place]
            done = _operation(command)
            ops = handle.ops[sku]
            if done is not None and ops.get((command.type, command.entity_id)) == done:
                beside = Item(sku, places=[place] * len(ops))
                found[place] = self._told(command, beside, handle.answer(sku))
            elif not handle.finished:
                found[place] = handle.answer(sku)

    async def _unsold(self, commands: Sequence[StateCommand]) -> set[str]:
        """What is not for sale of that whose stock is written."""
        stock = []
        for command in commands:
            if isinstance(command, Delete | Read):
                continue
            if command.type in ITEM_TYPES and "status" in command.want:
                self._sold.pop(command.entity_id, None)
                self._sold[command.entity_id] = command.want["status"] == ACTIVE
            elif command.type not in ITEM_TYPES:
                stock.append(command)
        while len(self._sold) > MAX_REMEMBERED:
            del self._sold[next(iter(self._sold))]
        if not stock or self._shelf is None:
            return set()
        ids = [one.entity_id for one in stock]
        found = await self._shelf.unsold(stock[0].organization_id, ids)
        return {one for one in ids if not self._sold.get(one, one not in found)}

    def _items(
        self,
        commands: Sequence[StateCommand],
        skus: dict[int, str],
        found: dict[int, Answer],
        unsold: set[str],
    ) -> list[Item]:
        wanted: list[tuple[int, str, str, Record, bool]] = []
        for place, sku in skus.items():
            command = commands[place]
            if place in found or isinstance(command, Read):
                continue
            try:
                data = self._data(command, sku, sold=command.entity_id not in unsold)
            except Unfit as error:
                found[place] = Answer(result="failed", reason=str(error))
                continue
            except NotAnItem:
                found[place] = Answer(result="taken", external_id=sku)
                continue
            method = method_of(command)
            if not data and method == "UPDATE":
                # Nothing of it shows in the catalogue (a new SKU cannot: it is the item's name).
                found[place] = Answer(result="taken", external_id=sku)
                continue
            wanted.append((place, sku, method, data, command.type not in ITEM_TYPES))
        return merged(wanted)

    def _data(self, command: StateCommand, sku: str, *, sold: bool) -> Record:
        if isinstance(command, Delete | Read):
            return {}
        parent = command.want.get("parentId") if isinstance(command, Create) else None
        # Our own id: it is known before the parent is anywhere, so siblings always agree on it.
        group = str(parent) if parent and command.type == "variation" else ""
        return fields_of(command, sku, self._account, group, sold=sold)

    def _told(self, command: StateCommand, item: Item, answer: Answer) -> Answer:
        """Without `seen`: what Meta made of it is not to be read."""
        if isinstance(command, Delete) and answer.result == "missing":
            return Answer(result="taken", external_id=item.sku, reason="it was not there")
        if answer.result == "failed" and command.type == "inventory" and len(item.places) > 1:
            # The product beside it was refused: the stock is as good as it was.
            return NOT_YET
        return replace(answer, external_id=item.sku) if answer.result == "taken" else answer

    async def perform(self, command: Perform) -> Answer:
        """Send `arguments`: to (E.164), message (`connectors.whatsapp.messages`), replyTo?.
        `unknown` when it may have gone out. Raises Paused: it has not."""
        if command.effect != "message":
            return Answer(result="failed", reason=f"WhatsApp cannot do {command.effect}")
        arguments = command.arguments
        try:
            to, reply_to = str(arguments.get("to") or ""), str(arguments.get("replyTo") or "")
            body = envelope(arguments["message"], to, command.effect_key, reply_to)
        except (BadMessage, NotANumber) as error:
            return Answer(result="failed", reason=str(error))
        recipient = body["to"]
        try:
            document = await self._graph.send("POST", self._messages, body=body)
        except TooFast as error:
            return self._too_fast(recipient, error)
        except Retry as error:
            return Answer("retry", reason=str(error), retry_after_s=error.retry_after_s)
        except Unknown as error:
            return Answer(result="unknown", reason=str(error))
        except Refused as error:
            if type(error) is not Refused:
                raise
            return Answer(result="failed", reason=str(error), code=code_in(str(error)))
        self._refusals.pop(recipient, None)
        return _sent(document)

    def _too_fast(self, recipient: str, error: TooFast) -> Answer:
        """Each time in a row longer, for this recipient only."""
        wait = pair_wait_s(self._refusals.get(recipient, 0))
        if len(self._refusals) >= MAX_RECIPIENTS:
            self._refusals.clear()
        self._refusals[recipient] = self._refusals.get(recipient, 0) + 1
        wait = max(wait, error.retry_after_s or 0.0)
        return Answer("retry", reason=str(error), retry_after_s=wait, code=code_in(str(error)))

    async def mark_read(self, message_id: str) -> None:
        """The customer sees that it was read. Raises ConnectorError."""
        await self._graph.send("POST", self._messages, body=mark_read(message_id))

    async def templates(self) -> list[Template]:
        """All of the account's. Raises ConnectorError; Refused without a waba_id."""
        found: list[Template] = []
        after = ""
        for _ in range(MAX_PAGES):
            params = {"fields": TEMPLATE_FIELDS, "limit": "100"}
            if after:
                params["after"] = after
            document = await self._graph.send("GET", self._templates(), params=params)
            page, after = listed(document)
            found += page
            if not after:
                break
        return found

    async def submit_template(self, wanted: Needed, language: str) -> str:
        """Ask Meta to approve it; its state. Raises ConnectorError."""
        body = wanted.request(language)
        document = await self._graph.send("POST", self._templates(), body=body)
        return str(document.get("status") or "PENDING").upper()

    @property
    def _messages(self) -> str:
        return f"/{self._account.phone_number_id}/messages"

    def _templates(self) -> str:
        if not self._account.waba_id:
            raise Refused("the connection's waba_id is missing: templates belong to the account")
        return f"/{self._account.waba_id}/message_templates"

    async def probe(self) -> str:
        """Asks for a catalogue item; without a catalogue, for the number. Raises ConnectorError."""
        account = self._account
        if account.catalog_id:
            params = {"fields": "id", "limit": "1"}
            await self._graph.send("GET", f"/{account.catalog_id}/products", params=params)
            return "the catalogue answers"
        await self._graph.send("GET", f"/{account.phone_number_id}", params={"fields": "id"})
        return "the number answers"

    async def token_ends_ms(self) -> int:
        """See `tokens.ask_end`."""
        return await ask_end(self._graph, self._account)

    async def close(self) -> None:
        """Let go of connections."""
        await self._batches.close()
        await self._graph.close()


def _sent(document: Record) -> Answer:
    """200 means accepted; a status webhook tells the rest."""
    messages = records(document.get("messages"))
    wamid = text(messages[0].get("id")) if messages else None
    if wamid is None:
        return Answer(result="unknown", reason="Meta took the message without naming it")
    return Answer(result="taken", external_id=wamid)


def _operation(command: StateCommand) -> Operation | None:
    return None if isinstance(command, Read) else command.op


def _operations(commands: Sequence[StateCommand]) -> dict[tuple[str, str], Operation]:
    return {
        (command.type, command.entity_id): command.op
        for command in commands
        if not isinstance(command, Read)
    }
