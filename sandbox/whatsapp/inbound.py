"""What customers write to a number: texts, replies, files, orders, edits and deletions; and news of
the account."""

import base64
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.whatsapp.catalogue import Catalogue
from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.media import Files
from sandbox.whatsapp.number import Number, user_id
from sandbox.whatsapp.outbound import envelope

Record = dict[str, Any]


def _number_of(text: str) -> int | float:
    """Meta sends a JSON number: whole where it is whole."""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise GraphError(100, f"Invalid price {text!r}") from error
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _order(number: Number, catalogue: Catalogue, order: Record) -> Record:
    """Lines without a price take the catalogue's."""
    items = []
    for line in order.get("items", []):
        held = catalogue.items.get(line["sku"], {})
        price = str(held.get("sale_price") or held.get("price") or "0 LKR")
        text, _, currency = price.partition(" ")
        items.append(
            {
                "product_retailer_id": line["sku"],
                "quantity": line.get("quantity", 1),
                "item_price": line.get("item_price", _number_of(text)),
                "currency": line.get("currency", currency),
            }
        )
    catalog_id = number.settings.catalog_id
    return {"catalog_id": catalog_id, "text": order.get("text", ""), "product_items": items}


def _content(number: Number, catalogue: Catalogue, files: Files, body: Record) -> Record:
    """`message` is taken as it is; the others are shorthands."""
    if "message" in body:
        return dict(body["message"])
    if "order" in body:
        return {"type": "order", "order": _order(number, catalogue, body["order"])}
    if "edit" in body:
        inner = {"type": "text", "text": {"body": body["edit"]["text"]}}
        edit = {"original_message_id": body["edit"]["id"], "message": inner}
        return {"type": "edit", "edit": edit}
    if "revoke" in body:
        return {"type": "revoke", "revoke": {"original_message_id": body["revoke"]["id"]}}
    if "media" in body:
        return _file(number, files, body["media"])
    if "button" in body:
        return {"type": "button", "button": body["button"]}
    if "button_reply" in body:
        reply = {"type": "button_reply", "button_reply": body["button_reply"]}
        return {"type": "interactive", "interactive": reply}
    return {"type": "text", "text": {"body": body.get("text", "")}}


def _file(number: Number, files: Files, given: Record) -> Record:
    """`{kind, content: base64, mime_type, caption?, filename?}`"""
    kind = given.get("kind", "image")
    held = files.add(number, base64.b64decode(given["content"]), given["mime_type"])
    more = {name: given[name] for name in ("caption", "filename") if given.get(name)}
    return {"type": kind, kind: {**held, **more}}


def news(number: Number, field: str, value: Record) -> Record:
    """A document about the account: of its templates, its number, its standing."""
    changes = [{"field": field, "value": value}]
    entry = {"id": number.settings.account_id, "time": number.clock.seconds(), "changes": changes}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def receive(number: Number, catalogue: Catalogue, files: Files, body: Record) -> Record:
    """Open the conversation's window and answer the webhook document to send."""
    sender = str(body["from"]).lstrip("+")
    scoped = body.get("user_id") or user_id(sender)
    content = _content(number, catalogue, files, body)
    message: Record = {
        "from": sender,
        "from_user_id": scoped,
        "id": body.get("id") or number.new_message_id(sender),
        "timestamp": str(number.clock.seconds()),
    }
    if "context" in body:
        message["context"] = body["context"]
    message |= content
    contact: Record = {
        "profile": {"name": body.get("name", "Customer")},
        "wa_id": sender,
        "user_id": scoped,
    }
    if body.get("username"):
        # Someone with a username may keep the phone number to themselves.
        contact["profile"]["username"] = body["username"]
        del contact["wa_id"]
        del message["from"]
    number.windows[sender] = number.clock.now()
    number.inbound.append(message)
    return envelope(number, {"contacts": [contact], "messages": [message]})
