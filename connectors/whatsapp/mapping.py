"""WhatsApp's webhooks to messages, statuses and orders. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.protocol import EffectSettled, Parsed, Sighting, StockTaken
from connectors.whatsapp import wire
from connectors.whatsapp.wire import Record, part, records, text
from schemas.base import Fields
from schemas.envelope import rfc3339
from schemas.money import money
from schemas.observation import Seen

STATUSES = {"sent": 1, "delivered": 2, "read": 3, "played": 3, "failed": 4}
"""Meta's words and their order; others are passed by. `played` is read, of a voice message."""
MEDIA = ("image", "video", "audio", "document", "sticker")
KINDS = (
    "text", *MEDIA, "interactive", "button", "order", "location", "reaction", "contacts", "system",
    "edit", "revoke",
)  # fmt: skip


def parse_delivery(phone_number_id: str, waba_id: str, body: bytes) -> Parsed:
    """All that a document says about this number. Raises Malformed.

    Meta puts up to 1000 updates of several numbers into one document; what is another number's is
    left to its own connection. Without metadata the entry's id says whose it is.
    """
    sightings: list[Sighting] = []
    taken: list[StockTaken] = []
    settled: list[EffectSettled] = []
    ours = {one for one in (phone_number_id, waba_id) if one}
    for identity, number, value in wire.values_of(wire.decode_object(body)):
        if (number or identity) not in ({phone_number_id} if number else ours):
            continue
        people = _people(value)
        for message in records(value.get("messages")):
            if text(message.get("id")) is None:
                continue
            sightings.append(_message(message, people))
            if part(message, "order"):
                order, stock = _order(message, people)
                sightings.append(order)
                taken.extend(stock)
        for status in records(value.get("statuses")):
            word = status.get("status")
            if word in STATUSES and text(status.get("id")) is not None:
                sightings.append(_status(status))
                settled.extend(_settled(status))
    if not sightings:
        return Parsed(ignored="nothing in it is a message or status of this number")
    return Parsed(tuple(sightings), tuple(taken), tuple(settled))


def _people(value: Record) -> dict[str, str]:
    """wa_id and user id to the name in the profile."""
    found: dict[str, str] = {}
    for contact in records(value.get("contacts")):
        name = text(part(contact, "profile").get("name"))
        if name:
            for key in ("wa_id", "user_id"):
                identity = text(contact.get(key))
                if identity:
                    found[identity] = name
    return found


def _sender(message: Record) -> tuple[str | None, str | None]:
    """(phone in E.164, user id): who has a username may keep the number to themselves."""
    number = text(message.get("from"))
    return e164(number), text(message.get("from_user_id"))


def e164(number: str | None) -> str | None:
    """WhatsApp's digits with a plus; None for what is no number."""
    digits = (number or "").strip().lstrip("+")
    return f"+{digits}" if digits.isdecimal() and 7 <= len(digits) <= 15 else None


def _message(message: Record, people: Mapping[str, str]) -> Sighting:
    wamid = text(message.get("id")) or ""
    phone, user = _sender(message)
    at_ms = wire.seconds(message.get("timestamp"))
    kind = text(message.get("type")) or next((one for one in KINDS if one in message), "unknown")
    body, media = _content(message, kind)
    fields: Fields = {
        "conversationId": phone or user or text(message.get("from")),
        "platform": "whatsapp",
        "direction": "in",
        "type": kind,
        "body": body,
        "status": "delivered",
        "vendorId": wamid,
    }
    if media:
        fields["media"] = media
    if at_ms is not None:
        fields["sentAt"] = rfc3339(at_ms)
    name = people.get(text(message.get("from")) or "") or people.get(user or "")
    if name:
        fields["senderName"] = name
    context = _context(part(message, "context"))
    if context:
        fields["context"] = context
    return Sighting(
        type="message",
        external_id=wamid,
        seen=Seen(external_id=wamid, fields=fields, as_of=at_ms or 0, changed_at_ms=at_ms),
    )


def _context(context: Record) -> Fields:
    found: Fields = {}
    if text(context.get("id")):
        found["replyTo"] = context["id"]
    product = text(part(context, "referred_product").get("product_retailer_id"))
    if product:
        found["product"] = product
    return found


def _content(message: Record, kind: str) -> tuple[str | None, Fields]:
    """(what was said, what came with it) of every type; an unknown one keeps its reason."""
    held = part(message, kind)
    match kind:
        case "text":
            return text(held.get("body")), {}
        case "button":
            return text(held.get("text")), _some(payload=held.get("payload"))
        case "interactive":
            return _reply(held)
        case "order":
            return text(held.get("text")), {}
        case "location":
            spoken = text(held.get("name")) or text(held.get("address"))
            names = ("latitude", "longitude", "name", "address", "url")
            return spoken, _some(**{name: held.get(name) for name in names})
        case "reaction":
            return text(held.get("emoji")), _some(messageId=held.get("message_id"))
        case "contacts":
            people = records(message.get("contacts"))
            called = [text(part(one, "name").get("formatted_name")) for one in people]
            return ", ".join(name for name in called if name) or None, {}
        case "system":
            return text(held.get("body")), _some(event=held.get("type"), waId=held.get("wa_id"))
    if kind in MEDIA:
        # `url` lives for five minutes: the id is what lasts.
        return text(held.get("caption")), _some(
            id=held.get("id"),
            mimeType=held.get("mime_type"),
            sha256=held.get("sha256"),
            filename=held.get("filename"),
        )
    return _reason(message), {}


def _some(**values: Any) -> Fields:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _reply(held: Record) -> tuple[str | None, Fields]:
    kind = text(held.get("type")) or ""
    reply = part(held, kind)
    if kind == "nfm_reply":
        return text(reply.get("body")), _some(response=reply.get("response_json"))
    return text(reply.get("title")), _some(id=reply.get("id"), description=reply.get("description"))


def _reason(holder: Record) -> str | None:
    """`131051: Message type unknown`, of the first error."""
    for error in records(holder.get("errors")):
        words = text(error.get("title")) or text(error.get("message")) or ""
        return f"{error.get('code', '')}: {words}".strip(": ")
    return None


def _status(status: Record) -> Sighting:
    wamid, word = str(status["id"]), str(status["status"])
    at_ms = wire.seconds(status.get("timestamp"))
    fields: Fields = {
        "platform": "whatsapp",
        "direction": "out",
        "status": "read" if word == "played" else word,
        "vendorId": wamid,
    }
    to = e164(text(status.get("recipient_id"))) or text(status.get("recipient_user_id"))
    if to:
        fields["conversationId"] = to
    # Two statuses often share a second: their order within it is known.
    as_of = 0 if at_ms is None else at_ms + STATUSES[word]
    key = text(status.get("biz_opaque_callback_data"))
    return Sighting(
        type="message",
        external_id=wamid,
        seen=Seen(external_id=wamid, fields=fields, as_of=as_of, changed_at_ms=at_ms),
        # The message that we queued under this key, whichever comes first: this or Meta's answer.
        match_keys=(f"effect:{key}",) if key else (),
    )


def _settled(status: Record) -> tuple[EffectSettled, ...]:
    key = text(status.get("biz_opaque_callback_data"))
    if key is None:
        return ()
    word = str(status["status"])
    pricing = part(status, "pricing")
    billable = pricing.get("billable")
    return (
        EffectSettled(
            effect_key=key,
            vendor_id=str(status["id"]),
            status="read" if word == "played" else word,
            reason=_reason(status) or "",
            category=text(pricing.get("category")) or "",
            billable=billable if isinstance(billable, bool) else None,
        ),
    )


def _order(message: Record, people: Mapping[str, str]) -> tuple[Sighting, tuple[StockTaken, ...]]:
    """A cart is an order placed here. Its prices are what the customer saw. `productId` is the
    catalogue's id, which is the SKU; whoever knows identities turns it into ours."""
    wamid = str(message["id"])
    phone, user = _sender(message)
    at_ms = wire.seconds(message.get("timestamp"))
    order = part(message, "order")
    lines: list[Fields] = []
    taken: dict[str, int] = {}
    total, currency = Decimal(0), None
    for item in records(order.get("product_items")):
        sku = text(item.get("product_retailer_id"))
        quantity, price = _count(item.get("quantity")), _price(item.get("item_price"))
        if sku is None or not quantity:
            continue
        worth = None if price is None else Decimal(price) * quantity
        total += worth or 0
        currency = currency or text(item.get("currency"))
        taken[sku] = taken.get(sku, 0) + quantity
        lines.append(
            {
                "productId": sku,
                "sku": sku,
                "name": None,
                "quantity": quantity,
                "unitPrice": price,
                "total": money(worth),
            }
        )
    name = people.get(text(message.get("from")) or "") or people.get(user or "")
    person = _some(name=name, phone=phone, whatsapp=user)
    fields: Fields = {
        "number": f"WA-{wamid[-10:].rstrip('=')}",
        "status": "pending",
        "placedOn": "whatsapp",
        "items": lines,
        "subtotal": money(total),
        "total": money(total),
        "currency": currency,
        "billing": person,
        "shipping": person,
        "note": text(order.get("text")),
    }
    if at_ms is not None:
        fields["createdAt"] = rfc3339(at_ms)
    sighting = Sighting(
        type="order",
        external_id=wamid,
        seen=Seen(external_id=wamid, fields=fields, as_of=at_ms or 0, changed_at_ms=at_ms),
    )
    return sighting, tuple(StockTaken(wamid, sku, quantity) for sku, quantity in taken.items())


def _count(value: Any) -> int:
    """A whole number over zero, however written; 0 for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0
    return int(number) if number.is_integer() and number > 0 else 0


def _price(value: Any) -> str | None:
    try:
        return money(value)
    except ValueError:
        return None
