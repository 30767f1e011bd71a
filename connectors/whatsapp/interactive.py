"""Buttons, lists, products and the catalogue as messages: built from short content, and checked in
Meta's own shape. Pure.

| kind | short content |
|---|---|
| buttons | `{body, buttons: [{id, title}], header?, footer?}` |
| list | `{body, button, sections: [{title?, rows: [{id, title, description?}]}], …}` |
| product | `{sku, body?, footer?, catalogId?}` |
| products | `{header, body, sections: [{title, skus: [...]}], footer?, catalogId?}` |
| catalog | `{body, sku?, footer?}` |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.whatsapp.limits import BadMessage, a_map, a_text, known, link_or_id, some
from connectors.whatsapp.wire import Record

INTERACTIVE = ("buttons", "list", "product", "products", "catalog")
MAX_BODY, MAX_LIST_BODY, MAX_FOOTER, MAX_HEADER = 1024, 4096, 60, 60
MAX_BUTTONS, MAX_BUTTON_ID, MAX_BUTTON_TITLE = 3, 256, 20
MAX_ROWS, MAX_ROW_ID, MAX_ROW_TITLE, MAX_ROW_TEXT = 10, 200, 24, 72
MAX_SECTIONS, MAX_ITEMS = 10, 30


def built_interactive(kind: str, given: Mapping[str, Any], catalog_id: str) -> Record:
    """Meta's object from the short content. Raises BadMessage for a field that is not there."""
    common = some(
        header={"type": "text", "text": given["header"]} if given.get("header") else None,
        body={"text": given["body"]} if given.get("body") else None,
        footer={"text": given["footer"]} if given.get("footer") else None,
    )
    catalogue = str(given.get("catalogId") or catalog_id)
    match kind:
        case "buttons":
            known(given, kind, "body", "buttons", "header", "footer")
            buttons = [
                {"type": "reply", "reply": dict(a_map(one, "buttons"))}
                for one in _list(given.get("buttons"), "buttons")
            ]
            return {"type": "button", **common, "action": {"buttons": buttons}}
        case "list":
            known(given, kind, "body", "button", "sections", "header", "footer")
            action = {"button": given.get("button"), "sections": given.get("sections")}
            return {"type": "list", **common, "action": action}
        case "product":
            known(given, kind, "sku", "body", "footer", "catalogId")
            action = {"catalog_id": catalogue, "product_retailer_id": given.get("sku")}
            return {"type": "product", **common, "action": action}
        case "products":
            known(given, kind, "header", "body", "sections", "footer", "catalogId")
            sections = []
            for one in _list(given.get("sections"), "sections"):
                section = a_map(one, "sections")
                skus = _list(section.get("skus"), "sections.skus")
                items = [{"product_retailer_id": sku} for sku in skus]
                sections.append({"title": section.get("title"), "product_items": items})
            action = {"catalog_id": catalogue, "sections": sections}
            return {"type": "product_list", **common, "action": action}
    known(given, kind, "body", "sku", "footer")
    shown = some(thumbnail_product_retailer_id=given.get("sku"))
    action = {"name": "catalog_message", **({"parameters": shown} if shown else {})}
    return {"type": "catalog_message", **common, "action": action}


def check_interactive(given: Mapping[str, Any]) -> None:
    """Meta's object against the contract. Raises BadMessage."""
    known(given, "interactive", "type", "header", "body", "footer", "action")
    kind = str(given.get("type", ""))
    check = _ACTIONS.get(kind)
    if check is None:
        raise BadMessage(f"interactive.type: one of {', '.join(_ACTIONS)}")
    if kind != "product" or "body" in given:
        limit = MAX_LIST_BODY if kind == "list" else MAX_BODY
        body = a_map(given.get("body"), "interactive.body")
        a_text(body.get("text"), "interactive.body.text", limit)
    if "footer" in given:
        footer = a_map(given["footer"], "interactive.footer")
        a_text(footer.get("text"), "interactive.footer.text", MAX_FOOTER)
    _check_header(kind, given.get("header"))
    check(a_map(given.get("action"), "interactive.action"))


def _check_header(kind: str, header: Any) -> None:
    if header is None:
        if kind == "product_list":
            raise BadMessage("interactive.header: a list of products needs one")
        return
    if kind == "product":
        raise BadMessage("interactive.header: a single product has none")
    held = a_map(header, "interactive.header")
    header_type = held.get("type")
    if header_type == "text":
        a_text(held.get("text"), "interactive.header.text", MAX_HEADER)
    elif kind == "button" and header_type in ("image", "video", "document"):
        link_or_id(a_map(held.get(header_type), "interactive.header"), "interactive.header")
    else:
        raise BadMessage("interactive.header.type: text")


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadMessage(f"{where}: a list")
    return value


def _counted(value: Any, where: str, most: int) -> list[Mapping[str, Any]]:
    found = [a_map(one, where) for one in _list(value, where)]
    if not 1 <= len(found) <= most:
        raise BadMessage(f"{where}: 1 to {most}, this has {len(found)}")
    return found


def _different(ids: list[str], where: str) -> None:
    if len(set(ids)) != len(ids):
        raise BadMessage(f"{where}: each its own")


def _buttons(action: Mapping[str, Any]) -> None:
    ids = []
    for button in _counted(action.get("buttons"), "interactive.action.buttons", MAX_BUTTONS):
        if button.get("type") != "reply":
            raise BadMessage("interactive.action.buttons.type: reply")
        reply = a_map(button.get("reply"), "interactive.action.buttons.reply")
        known(reply, "interactive.action.buttons.reply", "id", "title")
        ids.append(a_text(reply.get("id"), "button.id", MAX_BUTTON_ID))
        a_text(reply.get("title"), "button.title", MAX_BUTTON_TITLE)
    _different(ids, "button.id")


def _rows(action: Mapping[str, Any]) -> None:
    a_text(action.get("button"), "interactive.action.button", MAX_BUTTON_TITLE)
    sections = _counted(action.get("sections"), "interactive.action.sections", MAX_SECTIONS)
    ids: list[str] = []
    for section in sections:
        if section.get("title") or len(sections) > 1:
            a_text(section.get("title"), "section.title", MAX_ROW_TITLE)
        for row in _counted(section.get("rows"), "section.rows", MAX_ROWS):
            known(row, "row", "id", "title", "description")
            ids.append(a_text(row.get("id"), "row.id", MAX_ROW_ID))
            a_text(row.get("title"), "row.title", MAX_ROW_TITLE)
            if "description" in row:
                a_text(row["description"], "row.description", MAX_ROW_TEXT)
    if len(ids) > MAX_ROWS:
        raise BadMessage(f"rows: at most {MAX_ROWS} in all sections together, these are {len(ids)}")
    _different(ids, "row.id")


def _product(action: Mapping[str, Any]) -> None:
    a_text(action.get("catalog_id"), "interactive.action.catalog_id", 100)
    a_text(action.get("product_retailer_id"), "interactive.action.product_retailer_id", 100)


def _products(action: Mapping[str, Any]) -> None:
    a_text(action.get("catalog_id"), "interactive.action.catalog_id", 100)
    sections = _counted(action.get("sections"), "interactive.action.sections", MAX_SECTIONS)
    count = 0
    for section in sections:
        a_text(section.get("title"), "section.title", MAX_ROW_TITLE)
        for item in _counted(section.get("product_items"), "section.product_items", MAX_ITEMS):
            a_text(item.get("product_retailer_id"), "product_retailer_id", 100)
            count += 1
    if count > MAX_ITEMS:
        raise BadMessage(f"products: at most {MAX_ITEMS} in all sections, these are {count}")


def _catalog(action: Mapping[str, Any]) -> None:
    if action.get("name") != "catalog_message":
        raise BadMessage("interactive.action.name: catalog_message")


_ACTIONS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "button": _buttons,
    "list": _rows,
    "product": _product,
    "product_list": _products,
    "catalog_message": _catalog,
}
