"""Every kind of message that may be sent, checked against Meta's limits before it is. Pure.

A message is `{"type": T, T: {...}}`, as Meta takes it without recipient and envelope. What is wrong
raises BadMessage, whose text names the field and the limit, and repeats nothing of the content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.whatsapp.interactive import INTERACTIVE, built_interactive, check_interactive
from connectors.whatsapp.limits import BadMessage, a_map, a_text, known, link_or_id, some, texts
from connectors.whatsapp.numbers import wa_digits
from connectors.whatsapp.wire import Record

MAX_BODY = 4096
MAX_CAPTION = 1024
MAX_CALLBACK = 512
MAX_PARAMETER = 1024
MAX_BUTTONS = 10
_UNSAFE = re.compile(r"[\n\r\t]| {5,}")
_UNSAFE_RUNS = re.compile(r"[\n\r\t]+| {4,}")
_AMOUNT_1000 = 1000
KINDS = ("text", "image", "document", "template", "interactive", *INTERACTIVE, "reaction")
"""What `message_of` takes."""


def message_of(kind: str, content: Any, *, catalog_id: str = "") -> Record:
    """The message. `content` is text for the kind text, else a map: of Meta's own shape, or shorter
    (`docs` of each kind below). Raises BadMessage."""
    match kind:
        case "text":
            return _text(content)
        case "image" | "document":
            return _media(kind, a_map(content, kind))
        case "template":
            return {"type": "template", "template": _template(a_map(content, "template"))}
        case "reaction":
            return _reaction(a_map(content, "reaction"))
        case "interactive":
            given = a_map(content, "interactive")
            check_interactive(given)
            return {"type": "interactive", "interactive": dict(given)}
    if kind in INTERACTIVE:
        built = built_interactive(kind, a_map(content, kind), catalog_id)
        check_interactive(built)
        return {"type": "interactive", "interactive": built}
    raise BadMessage(f"kind: WhatsApp has no {kind!r}; there are {', '.join(KINDS)}")


def envelope(message: Mapping[str, Any], to: str, callback: str, reply_to: str = "") -> Record:
    """The whole body of the call. `to` in E.164. Raises BadMessage, NotANumber."""
    if len(callback) > MAX_CALLBACK:
        raise BadMessage(f"key: at most {MAX_CALLBACK} characters")
    body: Record = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": wa_digits(to),
        **message,
        "biz_opaque_callback_data": callback,
    }
    if reply_to:
        body["context"] = {"message_id": reply_to}
    return body


def mark_read(message_id: str) -> Record:
    """The body that shows the customer's message as read."""
    return {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}


def spoken(message: Mapping[str, Any]) -> str:
    """What the customer reads, in short, for conversation lists."""
    kind = str(message.get("type", ""))
    held = message.get(kind)
    if not isinstance(held, Mapping):
        return ""
    match kind:
        case "text":
            return str(held.get("body", ""))
        case "interactive":
            return str((held.get("body") or {}).get("text", ""))
        case "reaction":
            return str(held.get("emoji", ""))
        case "template":
            return str(held.get("name", ""))
    return str(held.get("caption") or held.get("filename") or "")


def _text(content: Any) -> Record:
    """`"words"`, or `{body, previewUrl?}`."""
    given = {"body": content} if isinstance(content, str) else a_map(content, "text")
    known(given, "text", "body", "previewUrl", "preview_url")
    body = a_text(given.get("body"), "text.body", MAX_BODY)
    preview = bool(given.get("previewUrl", given.get("preview_url", False)))
    return {"type": "text", "text": {"preview_url": preview, "body": body}}


def _media(kind: str, given: Mapping[str, Any]) -> Record:
    """`{link | id, caption?, filename?}`; the file name is a document's only."""
    names = ("link", "id", "caption") + (("filename",) if kind == "document" else ())
    known(given, kind, *names)
    held = link_or_id(given, kind)
    if given.get("caption"):
        held["caption"] = a_text(given["caption"], f"{kind}.caption", MAX_CAPTION)
    if given.get("filename"):
        held["filename"] = a_text(given["filename"], f"{kind}.filename", 240)
    return {"type": kind, kind: held}


def _reaction(given: Mapping[str, Any]) -> Record:
    """`{messageId, emoji}`; an empty emoji takes the reaction back."""
    known(given, "reaction", "messageId", "message_id", "emoji")
    wamid = a_text(given.get("messageId") or given.get("message_id"), "reaction.messageId", 200)
    emoji = given.get("emoji", "")
    if not isinstance(emoji, str) or len(emoji) > 20:
        raise BadMessage("reaction.emoji: one emoji, or empty to take it back")
    return {"type": "reaction", "reaction": {"message_id": wamid, "emoji": emoji}}


# Templates


def _template(given: Mapping[str, Any]) -> Record:
    """`{name, language: "en" | {code}, components?}`, or `parameters: [texts of the body]`."""
    known(given, "template", "name", "language", "components", "parameters")
    name = a_text(given.get("name"), "template.name", 512)
    language = given.get("language", "en")
    if isinstance(language, Mapping):
        language = language.get("code")
    code = a_text(language, "template.language", 20)
    components = given.get("components") or []
    if not isinstance(components, list):
        raise BadMessage("template.components: a list")
    if given.get("parameters") is not None:
        if components:
            raise BadMessage("template: give components or parameters, not both")
        components = [body_component(texts(given["parameters"], "template.parameters"))]
    found = [_component(a_map(one, "template.components")) for one in components]
    return {"name": name, "language": {"code": code}, "components": [one for one in found if one]}


def body_component(values: list[str]) -> Record:
    """The body's texts in their order, made safe."""
    return {"type": "body", "parameters": [{"type": "text", "text": safe(one)} for one in values]}


def safe(text: str) -> str:
    """Meta takes no line breaks, tabs or more than four blanks in a row in a parameter."""
    return _UNSAFE_RUNS.sub(" ", text).strip()[:MAX_PARAMETER] or "-"


def _component(given: Mapping[str, Any]) -> Record:
    kind = str(given.get("type", "")).lower()
    parameters = given.get("parameters") or []
    if not isinstance(parameters, list):
        raise BadMessage("template.components.parameters: a list")
    if kind in ("header", "body"):
        known(given, f"template {kind}", "type", "parameters")
        if not parameters:
            return {}
        made = [_parameter(kind, a_map(one, f"template {kind}")) for one in parameters]
        return {"type": kind, "parameters": made}
    if kind == "button":
        return _button(given, [a_map(one, "template button") for one in parameters])
    raise BadMessage("template.components.type: header, body or button")


def _button(given: Mapping[str, Any], parameters: list[Mapping[str, Any]]) -> Record:
    known(given, "template button", "type", "sub_type", "index", "parameters")
    sub_type = str(given.get("sub_type", "")).lower()
    index = str(given.get("index", ""))
    if not index.isdecimal() or int(index) >= MAX_BUTTONS:
        raise BadMessage(f"template button.index: 0 to {MAX_BUTTONS - 1}")
    if len(parameters) != 1:
        raise BadMessage("template button.parameters: exactly one")
    only = parameters[0]
    if sub_type == "quick_reply":
        payload = a_text(only.get("payload"), "template button.payload", 256)
        made: Record = {"type": "payload", "payload": payload}
    elif sub_type == "url":
        suffix = a_text(only.get("text"), "template button.text", 2000)
        made = {"type": "text", "text": suffix}
    else:
        raise BadMessage("template button.sub_type: quick_reply or url")
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [made]}


def _parameter(where: str, given: Mapping[str, Any]) -> Record:
    kind = given.get("type", "text")
    name = some(parameter_name=given.get("parameter_name"))
    match kind:
        case "text":
            text = a_text(given.get("text"), f"template {where}.text", MAX_PARAMETER)
            if _UNSAFE.search(text):
                raise BadMessage(
                    f"template {where}.text: no line breaks, tabs, or more than four blanks in a "
                    "row"
                )
            return {"type": "text", "text": text, **name}
        case "currency":
            held = a_map(given.get("currency"), "template currency")
            amount = held.get("amount_1000")
            if isinstance(amount, bool) or not isinstance(amount, int):
                raise BadMessage("template currency.amount_1000: a whole number, thousandths")
            made = {
                "fallback_value": a_text(held.get("fallback_value"), "fallback_value", 100),
                "code": a_text(held.get("code"), "template currency.code", 3),
                "amount_1000": amount,
            }
            return {"type": "currency", "currency": made, **name}
        case "date_time":
            held = a_map(given.get("date_time"), "template date_time")
            made = {"fallback_value": a_text(held.get("fallback_value"), "fallback_value", 100)}
            return {"type": "date_time", "date_time": made, **name}
        case "image" | "document" | "video" if where == "header":
            return {"type": kind, kind: link_or_id(a_map(given.get(kind), str(kind)), str(kind))}
    raise BadMessage(
        f"template {where}: a parameter is text, currency or date_time"
        + (", image, document or video" if where == "header" else "")
    )
