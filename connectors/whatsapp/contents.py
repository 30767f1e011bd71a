"""What was said in a message, and what came with it, of every type. Pure."""

from __future__ import annotations

from typing import Any

from connectors.whatsapp.wire import Record, part, records, text
from schemas.base import Fields

MEDIA = ("image", "video", "audio", "document", "sticker")
KINDS = (
    "text", *MEDIA, "interactive", "button", "order", "location", "reaction", "contacts", "system",
    "edit", "revoke",
)  # fmt: skip
PHONES_OF_CONTACT = 5


def kind_of_message(message: Record) -> str:
    """Its type; one that is not named shows by what is there."""
    return text(message.get("type")) or next((one for one in KINDS if one in message), "unknown")


def content(message: Record, kind: str) -> tuple[str | None, Fields]:
    """(what was said, what came with it); an unknown type keeps its reason."""
    held = part(message, kind)
    match kind:
        case "text":
            return text(held.get("body")), {}
        case "button":
            return text(held.get("text")), some(payload=held.get("payload"))
        case "interactive":
            return _reply(held)
        case "order":
            return text(held.get("text")), {}
        case "location":
            spoken = text(held.get("name")) or text(held.get("address"))
            names = ("latitude", "longitude", "name", "address", "url")
            return spoken, some(**{name: held.get(name) for name in names})
        case "reaction":
            return text(held.get("emoji")), some(messageId=held.get("message_id"))
        case "contacts":
            return _contacts(records(message.get("contacts")))
        case "system":
            return text(held.get("body")), some(
                event=held.get("type"),
                waId=text(held.get("wa_id")) or text(held.get("new_wa_id")),
                userId=held.get("user_id"),
                previousUserId=held.get("previous_user_id"),
            )
    if kind in MEDIA:
        # `url` lives for five minutes: the id is what lasts.
        return text(held.get("caption")), some(
            id=held.get("id"),
            mimeType=held.get("mime_type"),
            sha256=held.get("sha256"),
            filename=held.get("filename"),
            voice=held.get("voice") or None,
            animated=held.get("animated") or None,
        )
    return reason(message), {}


def some(**values: Any) -> Fields:
    """Those that there are."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def reason(holder: Record) -> str | None:
    """`131051: Message type unknown`, of the first error."""
    for error in records(holder.get("errors")):
        words = text(error.get("title")) or text(error.get("message")) or ""
        return f"{error.get('code', '')}: {words}".strip(": ")
    return None


def context_of(message: Record) -> Fields:
    """What it answers, what product it asks about, and which ad it came from."""
    context, referral = part(message, "context"), part(message, "referral")
    found = some(
        replyTo=text(context.get("id")),
        product=text(part(context, "referred_product").get("product_retailer_id")),
        forwarded=bool(context.get("forwarded") or context.get("frequently_forwarded")) or None,
    )
    ad = some(
        url=text(referral.get("source_url")),
        id=text(referral.get("source_id")),
        headline=text(referral.get("headline")),
    )
    return {**found, "ad": ad} if ad else found


def _reply(held: Record) -> tuple[str | None, Fields]:
    kind = text(held.get("type")) or ""
    reply = part(held, kind)
    if kind == "nfm_reply":
        return text(reply.get("body")), some(response=reply.get("response_json"))
    return text(reply.get("title")), some(id=reply.get("id"), description=reply.get("description"))


def _contacts(people: list[Record]) -> tuple[str | None, Fields]:
    shown = []
    for person in people:
        phones = records(person.get("phones"))[:PHONES_OF_CONTACT]
        numbers = [number for one in phones if (number := text(one.get("phone")))]
        name = text(part(person, "name").get("formatted_name"))
        shown.append(some(name=name, phones=numbers or None))
    called = ", ".join(one["name"] for one in shown if "name" in one)
    return called or None, some(contacts=[one for one in shown if one] or None)
