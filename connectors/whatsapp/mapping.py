"""WhatsApp's webhooks to messages, statuses, orders, and news of the account. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.protocol import EffectSettled, Notice, Parsed, Sighting, StockTaken
from connectors.whatsapp import updates, wire
from connectors.whatsapp.carts import order_of
from connectors.whatsapp.contents import content, context_of, kind_of_message, reason
from connectors.whatsapp.wire import Record, part, records, text
from schemas.base import Fields
from schemas.envelope import rfc3339
from schemas.observation import Seen

STATUSES = {"sent": 1, "delivered": 2, "read": 3, "played": 3, "failed": 4}
"""Meta's words and their order; others are passed by. `played` is read, of a voice message."""
EDITED, REVOKED = 1, 2
"""Added to a time of whole seconds: what was changed in the second it was sent is the later."""


def parse_delivery(phone_number_id: str, waba_id: str, body: bytes) -> Parsed:
    """All that a document says about this number. Raises Malformed.

    Meta puts up to 1000 updates of several numbers into one document; what is another number's is
    left to its own connection. Without metadata the entry's id says whose it is. One update that
    cannot be read is told as a notice with its reason; its neighbours go on.
    """
    sightings: list[Sighting] = []
    taken: list[StockTaken] = []
    settled: list[EffectSettled] = []
    notices: list[Notice] = []
    ours = {one for one in (phone_number_id, waba_id) if one}
    for change in wire.changes_of(wire.decode_object(body)):
        number = change.phone_number_id
        if (number or change.identity) not in ({phone_number_id} if number else ours):
            continue
        if change.field != wire.MESSAGES:
            notices.append(updates.notice(change))
            continue
        people = _people(change.value)
        notices += updates.troubles(change)
        for message in records(change.value.get("messages")):
            if text(message.get("id")) is None:
                notices.append(updates.unreadable(change, "message", message))
                continue
            sightings.append(_message(message, people))
            if part(message, "order"):
                order, stock = order_of(message, *_sender(message), people)
                sightings.append(order)
                taken.extend(stock)
        for status in records(change.value.get("statuses")):
            word = status.get("status")
            if word in STATUSES and text(status.get("id")) is not None:
                sightings.append(_status(status))
                settled.extend(_settled(status))
            elif word in STATUSES:
                notices.append(updates.unreadable(change, "status", status))
    if not (sightings or notices):
        return Parsed(ignored="nothing in it is a message or status of this number")
    return Parsed(tuple(sightings), tuple(taken), tuple(settled), tuple(notices))


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
    """A message; an edit and a deletion are sightings of the message that they are about."""
    kind = kind_of_message(message)
    original = text(part(message, kind).get("original_message_id"))
    if kind in ("edit", "revoke") and original:
        return _changed(message, kind, original)
    wamid = text(message.get("id")) or ""
    _, user = _sender(message)
    body, media = content(message, kind)
    fields = {**_place(message), "type": kind, "body": body, "status": "delivered"}
    fields["vendorId"] = wamid
    if media:
        fields["media"] = media
    at_ms = wire.seconds(message.get("timestamp"))
    if at_ms is not None:
        fields["sentAt"] = rfc3339(at_ms)
    if user:
        fields["senderId"] = user
    name = people.get(text(message.get("from")) or "") or people.get(user or "")
    if name:
        fields["senderName"] = name
    context = context_of(message)
    if context:
        fields["context"] = context
    return Sighting(
        type="message",
        external_id=wamid,
        seen=Seen(external_id=wamid, fields=fields, as_of=at_ms or 0, changed_at_ms=at_ms),
    )


def _changed(message: Record, kind: str, original: str) -> Sighting:
    """The customer changed or took back what they had written. When the original comes later than
    this, it is the older of the two and stays unread: so this tells all that it knows of it."""
    at_ms = wire.seconds(message.get("timestamp")) or 0
    fields = {**_place(message), "status": "delivered", "vendorId": original}
    if kind == "revoke":
        # What somebody has deleted is not kept on show.
        fields |= {"body": None, "media": None, "revokedAt": rfc3339(at_ms)}
    else:
        inner = part(part(message, "edit"), "message")
        inner_kind = kind_of_message(inner)
        body, media = content(inner, inner_kind)
        fields |= {"type": inner_kind, "body": body, "editedAt": rfc3339(at_ms)}
        if media.get("id"):
            fields["media"] = media
    as_of = at_ms + (REVOKED if kind == "revoke" else EDITED)
    return Sighting(
        type="message",
        external_id=original,
        seen=Seen(external_id=original, fields=fields, as_of=as_of, changed_at_ms=at_ms or None),
    )


def _place(message: Record) -> Fields:
    phone, user = _sender(message)
    return {
        "conversationId": phone or user or text(message.get("from")),
        "platform": "whatsapp",
        "direction": "in",
    }


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
            reason=reason(status) or "",
            category=text(pricing.get("category")) or "",
            billable=billable if isinstance(billable, bool) else None,
        ),
    )
