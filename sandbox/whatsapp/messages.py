"""What may be sent: the envelope, each type's limits, templates."""

import re
from typing import Any

from sandbox.whatsapp.catalogue import Catalogue
from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.number import Number

Record = dict[str, Any]

ENVELOPE = {
    "messaging_product", "recipient_type", "to", "type", "context", "biz_opaque_callback_data",
    "status", "message_id",
}  # fmt: skip
TYPES = ("text", "image", "document", "template", "interactive", "reaction")
UNSAFE_TEXT = re.compile(r"[\n\t]| {5,}")


def missing(name: str) -> GraphError:
    return GraphError(131008, f"Parameter '{name}' is mandatory")


def invalid(name: str, why: str) -> GraphError:
    return GraphError(131009, f"Parameter '{name}' is not valid: {why}")


def _text(holder: Record, name: str, limit: int, path: str = "", *, optional: bool = False) -> None:
    full = f"{path}{name}"
    if name not in holder:
        if optional:
            return
        raise missing(full)
    value = holder[name]
    if not isinstance(value, str) or not value:
        raise invalid(full, "a text is expected")
    if len(value) > limit:
        raise invalid(full, f"length must be at most {limit}")


def _only(holder: Record, path: str, *known: str) -> None:
    unknown = sorted(set(holder) - set(known))
    if unknown:
        raise GraphError(100, f'Unexpected key "{unknown[0]}" on param "{path}"')


def check(number: Number, catalogue: Catalogue, body: Record) -> None:
    """Raises what Meta would answer; otherwise the message is acceptable."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, "Invalid parameter 'messaging_product'")
    kind = body.get("type", "text")
    if number.settings.strict:
        unknown = sorted(set(body) - ENVELOPE - {kind})
        if unknown:
            raise GraphError(100, f'Unexpected key "{unknown[0]}"')
    recipient = body.get("to")
    if recipient is None:
        raise missing("to")
    if not isinstance(recipient, str) or not re.fullmatch(r"\+?\d{7,15}", recipient.strip()):
        raise GraphError(100, "Invalid parameter 'to'")
    if body.get("recipient_type", "individual") != "individual":
        raise GraphError(100, "Invalid parameter 'recipient_type'")
    if wa_id(recipient) == number.settings.display_phone_number:
        raise GraphError(131021)
    if len(str(body.get("biz_opaque_callback_data", ""))) > 512:
        raise invalid("biz_opaque_callback_data", "length must be at most 512")
    if kind not in TYPES:
        raise GraphError(131051)
    content = body.get(kind)
    if not isinstance(content, dict):
        raise missing(kind)
    _CHECKS[kind](number, catalogue, content)


def category_of(number: Number, body: Record) -> str:
    """What the message is charged as."""
    if body.get("type") != "template":
        return "service"
    content = body["template"]
    return number.templates[content["name"], content["language"]["code"]].category


def wa_id(recipient: str) -> str:
    return recipient.strip().lstrip("+")


def _check_text(_number: Number, _catalogue: Catalogue, content: Record) -> None:
    _only(content, "text", "preview_url", "body")
    _text(content, "body", 4096, "text.")


def _check_image(_number: Number, _catalogue: Catalogue, content: Record) -> None:
    _only(content, "image", "link", "id", "caption")
    _media(content, "image")


def _check_document(_number: Number, _catalogue: Catalogue, content: Record) -> None:
    _only(content, "document", "link", "id", "caption", "filename")
    _media(content, "document")


def _media(content: Record, kind: str) -> None:
    if ("link" in content) == ("id" in content):
        raise missing(f"{kind}.link or {kind}.id")
    if not str(content.get("link", "https://")).startswith("https://"):
        raise invalid(f"{kind}.link", "https is expected")
    _text(content, "caption", 1024, f"{kind}.", optional=True)


def _check_reaction(_number: Number, _catalogue: Catalogue, content: Record) -> None:
    _only(content, "reaction", "message_id", "emoji")
    for name in ("message_id", "emoji"):
        if name not in content:
            raise missing(f"reaction.{name}")


# Interactive messages


def _check_interactive(_number: Number, catalogue: Catalogue, content: Record) -> None:
    _only(content, "interactive", "type", "header", "body", "footer", "action")
    kind, action = content.get("type"), content.get("action")
    check_action = _ACTIONS.get(str(kind))
    if check_action is None:
        raise invalid("interactive.type", "unknown")
    if not isinstance(action, dict):
        raise missing("interactive.action")
    if kind != "product" or "body" in content:
        limit = 4096 if kind == "list" else 1024
        _text(content.get("body") or {}, "text", limit, "interactive.body.")
    if "footer" in content:
        _text(content["footer"], "text", 60, "interactive.footer.")
    header = content.get("header")
    if header is not None:
        if kind == "product":
            raise invalid("interactive.header", "a product message has none")
        if header.get("type") == "text":
            _text(header, "text", 60, "interactive.header.")
        elif kind != "button":
            raise invalid("interactive.header", "only text")
    elif kind == "product_list":
        raise missing("interactive.header")
    check_action(catalogue, action)


def _check_buttons(_catalogue: Catalogue, action: Record) -> None:
    buttons = action.get("buttons") or []
    if not 1 <= len(buttons) <= 3:
        raise invalid("interactive.action.buttons", "1 to 3 are expected")
    for button in buttons:
        if button.get("type") != "reply":
            raise invalid("interactive.action.buttons", "type must be reply")
        reply = button.get("reply") or {}
        _text(reply, "id", 256, "reply.")
        _text(reply, "title", 20, "reply.")


def _check_list(_catalogue: Catalogue, action: Record) -> None:
    _text(action, "button", 20, "interactive.action.")
    sections = action.get("sections") or []
    rows = [row for section in sections for row in section.get("rows", [])]
    if not 1 <= len(rows) <= 10:
        raise invalid("interactive.action.sections", "1 to 10 rows are expected")
    for section in sections:
        _text(section, "title", 24, "section.", optional=len(sections) == 1)
    for row in rows:
        _text(row, "id", 200, "row.")
        _text(row, "title", 24, "row.")
        _text(row, "description", 72, "row.", optional=True)


def _check_product(catalogue: Catalogue, action: Record) -> None:
    _in_catalogue(catalogue, action.get("catalog_id"), [action.get("product_retailer_id")])


def _check_product_list(catalogue: Catalogue, action: Record) -> None:
    sections = action.get("sections") or []
    skus = [
        item.get("product_retailer_id")
        for section in sections
        for item in section.get("product_items", [])
    ]
    if not 1 <= len(sections) <= 10 or not 1 <= len(skus) <= 30:
        raise invalid("interactive.action.sections", "up to 10 with up to 30 items are expected")
    _in_catalogue(catalogue, action.get("catalog_id"), skus)


def _in_catalogue(catalogue: Catalogue, catalog_id: Any, skus: list[Any]) -> None:
    if catalog_id != catalogue.id:
        raise invalid("catalog_id", "not the number's catalogue")
    gone = [sku for sku in skus if sku not in catalogue.items]
    if gone:
        raise invalid("product_retailer_id", f"not in the catalogue: {gone[0]}")


def _check_catalog_message(_catalogue: Catalogue, action: Record) -> None:
    if action.get("name") != "catalog_message":
        raise invalid("interactive.action.name", "catalog_message is expected")


_ACTIONS = {
    "button": _check_buttons,
    "list": _check_list,
    "product": _check_product,
    "product_list": _check_product_list,
    "catalog_message": _check_catalog_message,
}


# Templates


def _check_template(number: Number, _catalogue: Catalogue, content: Record) -> None:
    _only(content, "template", "name", "language", "components")
    name, language = content.get("name"), (content.get("language") or {}).get("code")
    if not name:
        raise missing("template.name")
    if not language:
        raise missing("template.language.code")
    template = number.templates.get((name, language))
    if template is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    if template.status in ("PAUSED", "DISABLED"):
        raise GraphError(132015 if template.status == "PAUSED" else 132016)
    if template.status != "APPROVED":
        raise GraphError(132001, f"template name ({name}) is not approved in {language}")
    given: dict[str, list[Record]] = {"header": [], "body": [], "button": []}
    for component in content.get("components", []):
        part = str(component.get("type", "")).lower()
        if part not in given:
            raise invalid("template.components", f"unknown type {part}")
        if part == "button":
            given[part].append(component)
        else:
            given[part] += component.get("parameters", [])
    expected = {
        "header": 1 if template.header else 0,
        "body": template.parameters,
        "button": len(template.buttons),
    }
    for part, parameters in given.items():
        if len(parameters) != expected[part]:
            raise GraphError(
                132000,
                f"{part}: number of localizable_params ({len(parameters)}) does not match the"
                f" expected number of params ({expected[part]})",
            )
    if template.header and given["header"][0].get("type") != template.header:
        raise GraphError(132012, f"header: Format mismatch, expected {template.header.upper()}")
    for parameter in given["body"]:
        _check_parameter(parameter)


def _check_parameter(parameter: Record) -> None:
    kind = parameter.get("type")
    if kind not in ("text", "currency", "date_time") or kind not in parameter:
        raise GraphError(132012, "body: Parameter format mismatch")
    if kind == "text" and UNSAFE_TEXT.search(parameter["text"]):
        raise GraphError(
            100, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )


_CHECKS = {
    "text": _check_text,
    "image": _check_image,
    "document": _check_document,
    "template": _check_template,
    "interactive": _check_interactive,
    "reaction": _check_reaction,
}
