"""What customers write to a number: text, button and list replies, catalogue orders."""

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.whatsapp.catalogue import Catalogue
from sandbox.whatsapp.errors import GraphError
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


def _content(number: Number, catalogue: Catalogue, body: Record) -> Record:
    """`message` is taken as it is; the others are shorthands."""
    if "message" in body:
        return dict(body["message"])
    if "order" in body:
        return {"type": "order", "order": _order(number, catalogue, body["order"])}
    if "button" in body:
        return {"type": "button", "button": body["button"]}
    if "button_reply" in body:
        reply = {"type": "button_reply", "button_reply": body["button_reply"]}
        return {"type": "interactive", "interactive": reply}
    return {"type": "text", "text": {"body": body.get("text", "")}}


def receive(number: Number, catalogue: Catalogue, body: Record) -> Record:
    """Open the conversation's window and answer the webhook document to send."""
    sender = str(body["from"]).lstrip("+")
    scoped = body.get("user_id") or user_id(sender)
    content = _content(number, catalogue, body)
    message: Record = {
        "from": sender,
        "from_user_id": scoped,
        "id": body.get("id") or number.new_message_id(),
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
