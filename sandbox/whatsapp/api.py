"""`/v25.0/{id}/...`: the bearer token, faults, and which edge answers."""

import asyncio
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson

from sandbox.faults import RequestFault, proxy_page, retry_after, spoiled
from sandbox.http import Answer, Call, MalformedBody, json_answer
from sandbox.sender import Sender
from sandbox.whatsapp import catalogue as catalogues
from sandbox.whatsapp import messages, templates, tokens
from sandbox.whatsapp.catalogue import Batch, Catalogue
from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.media import Files
from sandbox.whatsapp.number import Number
from sandbox.whatsapp.outbound import Outbound

Record = dict[str, Any]

VERSION = re.compile(r"v\d+\.\d")
CALIFORNIA = timezone(timedelta(hours=-7), "PDT")
THROTTLING = (4, 80007, 80009, 80014)


def _california(epoch: float) -> str:
    moment = datetime.fromtimestamp(epoch, UTC).astimezone(CALIFORNIA)
    return f"{moment:%A, %d-%b-%y %H:%M:%S} PDT"


def _failed(number: Number, fault: RequestFault) -> Answer:
    if fault.html or not fault.code:
        return proxy_page(fault)
    code = int(fault.code)
    error = GraphError(code, message=fault.message, status=fault.status)
    answer = json_answer(error.status, error.document(), retry_after(fault))
    if code in THROTTLING:
        usage = {
            number.settings.catalog_id: [
                {"type": "ads_management", "call_count": 100, "total_cputime": 12,
                 "total_time": 14, "estimated_time_to_regain_access": 7}
            ]
        }  # fmt: skip
        answer.headers.append((b"x-business-use-case-usage", orjson.dumps(usage)))
    return answer


class WhatsApp:
    """All numbers and catalogues."""

    def __init__(
        self,
        numbers: dict[str, Number],
        held: dict[str, Catalogue],
        outbound: Outbound,
        sender: Sender,
    ) -> None:
        self._numbers = numbers
        self._catalogues = held
        self._outbound = outbound
        self._sender = sender
        self.files = Files()

    async def handle(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")
        try:
            if len(parts) < 2 or not VERSION.fullmatch(parts[0]):
                raise GraphError(100, message="Unknown path components", status=404)
            of_token = parts[1] in tokens.EDGES
            number = self._asking(call) if of_token else self._owner(parts[1], call)
            fault = number.faults.take(call.method, call.path) if number.faults.requests else None
            if fault is not None:
                if fault.delay_s > 0:
                    await asyncio.sleep(fault.delay_s)
                if fault.code or fault.status:
                    return _failed(number, fault)
            if not (of_token and tokens.is_app(number, call)):
                self._check_token(number, call)
            if of_token:
                told = tokens.answer(number, self._numbers.values(), call, parts[1])
                return spoiled(json_answer(200, told), fault)
            if self.files.owner(parts[1]) and parts[2:3] == ["content"] and len(parts) == 4:
                return self.files.content(number, parts[1], parts[3])
            answer = json_answer(200, self._answer(number, call, parts[1], parts[2:]))
            return spoiled(answer, fault)
        except GraphError as error:
            return json_answer(error.status, error.document())
        except MalformedBody:
            return json_answer(400, GraphError(100).document())

    def _asking(self, call: Call) -> Number:
        """Whose token, or whose app's, the call shows."""
        given = call.header(b"authorization")
        for number in self._numbers.values():
            if tokens.is_app(number, call) or given == f"Bearer {number.settings.access_token}":
                return number
        raise GraphError(190)

    def _owner(self, object_id: str, call: Call) -> Number:
        number = self._numbers.get(object_id) or self._of_account(object_id, call)
        if number is None and object_id in self._catalogues:
            number = next(
                (one for one in self._numbers.values() if one.settings.catalog_id == object_id),
                None,
            )
        if number is None and (owner := self.files.owner(object_id)):
            number = self._numbers.get(owner)
        if number is None:
            raise GraphError(
                100,
                message=f"Unsupported request. Object with ID '{object_id}' does not exist, cannot"
                " be loaded due to missing permissions, or does not support this operation",
                subcode=33,
            )
        return number

    def _of_account(self, account_id: str, call: Call) -> Number | None:
        """An account may have several numbers; here the token tells whose it is."""
        mine = [one for one in self._numbers.values() if one.settings.account_id == account_id]
        given = call.header(b"authorization")
        for number in mine:
            if given == f"Bearer {number.settings.access_token}":
                return number
        return mine[0] if mine else None

    def _check_token(self, number: Number, call: Call) -> None:
        settings = number.settings
        header = call.header(b"authorization")
        if header != f"Bearer {settings.access_token}":
            raise GraphError(190)
        expires = settings.token_expires_at
        if expires and number.clock.now() >= expires:
            raise GraphError(
                190,
                message=f"Error validating access token: Session has expired on"
                f" {_california(expires)}. The current time is"
                f" {_california(number.clock.now())}.",
                subcode=463,
            )

    def _answer(self, number: Number, call: Call, object_id: str, parts: list[str]) -> Record:
        edge = (call.method, parts[0] if parts else "")
        if object_id in self._numbers:
            if edge == ("POST", "messages"):
                return self._send(number, call.json_object())
            raise GraphError(100, message=f"Unknown path components: /{edge[1]}", status=404)
        if object_id == number.settings.account_id:
            match edge:
                case ("GET", "message_templates"):
                    return templates.listed(number, call.query)
                case ("POST", "message_templates"):
                    return templates.submitted(number, call.json_object(), self._outbound)
            raise GraphError(100, message=f"Unknown path components: /{edge[1]}", status=404)
        if self.files.owner(object_id):
            if edge == ("GET", ""):
                return self.files.told(number, object_id, call, call.path.strip("/").split("/")[0])
            raise GraphError(100, message=f"Unknown path components: /{edge[1]}", status=404)
        held = self._catalogues[object_id]
        match edge:
            case ("POST", "items_batch"):
                return self._items_batch(number, held, call)
            case ("GET", "check_batch_request_status"):
                return catalogues.batch_status(held, call.query)
            case ("GET", "products"):
                return _products(held, call.query)
        raise GraphError(100, message=f"Unknown path components: /{edge[1]}", status=404)

    def _send(self, number: Number, body: Record) -> Record:
        if body.get("status") == "read":
            if body.get("messaging_product") != "whatsapp":
                raise GraphError(100, "Invalid parameter 'messaging_product'")
            known = {message["id"] for message in number.inbound}
            if body.get("message_id") not in known:
                raise GraphError(100, "Invalid parameter 'message_id'")
            return {"success": True}
        messages.check(number, self._catalogues[number.settings.catalog_id], body)
        if number.over_throughput():
            raise GraphError(130429)
        recipient = messages.wa_id(body["to"])
        if number.over_pair_limit(recipient):
            raise GraphError(131056)
        error_code = number.fail_next.popleft() if number.fail_next else 0
        settings = number.settings
        outside = body.get("type") != "template" and not number.window_open(recipient)
        if settings.enforce_window and outside:
            if settings.window_error_at_once:
                raise GraphError(131047)
            error_code = error_code or 131047
        message: Record = {
            "id": number.new_message_id(recipient),
            "at": number.clock.now(),
            "to": recipient,
            "type": body.get("type", "text"),
            "biz_opaque_callback_data": body.get("biz_opaque_callback_data", ""),
            "status": "accepted",
            "statuses": [],
            "body": body,
            "in_window": number.window_open(recipient),
            "category": messages.category_of(number, body),
        }
        number.messages.append(message)
        number.by_id[message["id"]] = message
        self._outbound.report(number, message, error_code)
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": body["to"], "wa_id": recipient}],
            "messages": [{"id": message["id"], "message_status": "accepted"}],
        }

    def _items_batch(self, number: Number, held: Catalogue, call: Call) -> Record:
        batch, answer = catalogues.take_batch(
            held, call.json_object(), number.settings.strict, len(call.body)
        )
        delay_s = number.settings.catalog_delay_s
        if batch is not None and delay_s is not None:
            self._sender.start(_finish_later(number, held, batch, delay_s))
        return answer

    def finish_batches(self, number: Number) -> int:
        """Do all that waits, for numbers whose batches wait to be asked."""
        held = self._catalogues[number.settings.catalog_id]
        waiting = [batch for batch in held.batches.values() if batch.status != "finished"]
        for batch in waiting:
            catalogues.do_batch(held, batch, number.clock.now())
        return len(waiting)


async def _finish_later(number: Number, held: Catalogue, batch: Batch, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    catalogues.do_batch(held, batch, number.clock.now())


def _products(held: Catalogue, query: dict[str, str]) -> Record:
    condition = None
    if "filter" in query:
        try:
            condition = orjson.loads(query["filter"])
        except orjson.JSONDecodeError as error:
            raise GraphError(100, "Invalid parameter 'filter'") from error
    names = [name.strip() for name in query.get("fields", "").split(",") if name.strip()]
    limit = query.get("limit", "25")
    if not limit.isdigit() or int(limit) < 1:
        raise GraphError(100, "Invalid parameter 'limit'")
    return catalogues.list_items(held, names, condition, int(limit), query.get("after", ""))
