"""An account's message templates: listed in pages, submitted, and their news by webhook."""

import re
from typing import Any

from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.number import Number, Template
from sandbox.whatsapp.outbound import Outbound

Record = dict[str, Any]

VALUE = re.compile(r"\{\{\s*\w+\s*\}\}")
NAME = re.compile(r"[a-z0-9_]{1,512}")
CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")


def shown(template: Template) -> Record:
    """As `GET /{waba}/message_templates` lists it."""
    body = template.body or " ".join(
        ["News of your order", *(f"{{{{{n + 1}}}}}" for n in range(template.parameters)), "today."]
    )
    components: list[Record] = [{"type": "BODY", "text": body}]
    if template.header:
        components.insert(0, {"type": "HEADER", "format": template.header.upper()})
    if template.buttons:
        components.append({"type": "BUTTONS", "buttons": [_button(b) for b in template.buttons]})
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category.upper(),
        "quality_score": {"score": template.quality, "date": 1_700_000_000},
        "rejected_reason": "NONE",
        "components": components,
    }


def _button(kind: str) -> Record:
    if kind == "url":
        return {"type": "URL", "text": "Open", "url": "https://shop.example.com/{{1}}"}
    return {"type": "QUICK_REPLY", "text": "Yes"}


def listed(number: Number, query: Record) -> Record:
    """One page; `after` is the place of the next."""
    limit, after = query.get("limit", "25"), query.get("after", "0")
    if not limit.isdigit() or not after.isdigit():
        raise GraphError(100, "Invalid parameter 'limit' or 'after'")
    held = list(number.templates.values())
    end = int(after) + int(limit)
    page: Record = {
        "data": [shown(one) for one in held[int(after) : end]],
        "paging": {"cursors": {"before": after, "after": str(end)}},
    }
    if end < len(held):
        page["paging"]["next"] = "https://graph.facebook.com/next"
    return page


def submitted(number: Number, body: Record, outbound: Outbound) -> Record:
    """`POST /{waba}/message_templates`; approval comes by webhook."""
    name, language = str(body.get("name", "")), str(body.get("language", ""))
    if not NAME.fullmatch(name) or not language or body.get("category") not in CATEGORIES:
        raise GraphError(100, "Invalid parameter 'name', 'language' or 'category'")
    if (name, language) in number.templates:
        raise GraphError(
            100, "There is already content in this language for this template", subcode=2388024
        )
    text = next(
        (c.get("text", "") for c in body.get("components", []) if c.get("type") == "BODY"), ""
    )
    values = VALUE.findall(text)
    if not text or text.strip().startswith("{{") or text.strip().endswith("}}"):
        raise GraphError(100, "Variables can't be at the start or end of the template")
    example = next(
        (c.get("example", {}).get("body_text") for c in body["components"] if c["type"] == "BODY"),
        None,
    )
    if values and (not example or len(example[0]) != len(values)):
        raise GraphError(100, "An example for every variable is required")
    made = Template(
        name, language, parameters=len(set(values)), status="PENDING",
        category=str(body["category"]).lower(), body=text,
    )  # fmt: skip
    number.templates[name, language] = made
    answer = {"id": made.id, "status": "PENDING", "category": body["category"]}
    if number.settings.approve_templates:
        change_status(number, made, "APPROVED", outbound)
    return answer


def change_status(number: Number, template: Template, status: str, outbound: Outbound) -> None:
    """Meta reviewed, paused or disabled it: told by webhook."""
    template.status = status
    value = {
        "event": status,
        "message_template_id": template.id,
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": "NONE",
    }
    change = {"field": "message_template_status_update", "value": value}
    document = {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": number.settings.account_id,
                "time": number.clock.seconds(),
                "changes": [change],
            }
        ],
    }
    outbound.push(number, document)
