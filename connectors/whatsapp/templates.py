"""Message templates: the ones that we need, and what Meta says of those that are there. Pure.

A template of ours begins and ends with words (Meta refuses one that begins or ends with a value),
and has an example for every value (Meta wants one to approve it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.whatsapp.wire import Record, part, records, text

APPROVED = "APPROVED"
USABLE = frozenset((APPROVED,))
_VALUE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one language, as Meta lists it."""

    name: str
    language: str
    status: str = APPROVED
    """APPROVED, PENDING, REJECTED, PAUSED, DISABLED, ..."""
    category: str = "UTILITY"
    quality: str = "UNKNOWN"
    """GREEN, YELLOW, RED or UNKNOWN."""
    body: str = ""
    header: str = ""
    """TEXT, IMAGE, VIDEO, DOCUMENT or empty."""
    parameters: int | None = None
    """Values of the body; None where nobody knows."""
    button_parameters: int = 0
    reason: str = ""
    """Why Meta rejected it."""

    @property
    def plain(self) -> bool:
        """Takes values in its body only, which is all that a notification has."""
        return not self.button_parameters and self.header in ("", "TEXT")

    def filled(self, values: Sequence[str]) -> str:
        """What the customer reads: the body with its values, in their order."""
        given = iter(values)
        return _VALUE.sub(lambda found: next(given, found.group(0)), self.body)


def listed(document: Record) -> tuple[list[Template], str]:
    """One page of `GET /{waba}/message_templates`, and where the next begins (empty: none)."""
    found = []
    for one in records(document.get("data")):
        name, language = text(one.get("name")), text(one.get("language"))
        if name and language:
            found.append(_template(one, name, language))
    paging = part(document, "paging")
    after = text(part(paging, "cursors").get("after")) or ""
    return found, after if paging.get("next") else ""


def _template(one: Record, name: str, language: str) -> Template:
    body, header, parameters, buttons = "", "", 0, 0
    for component in records(one.get("components")):
        words = text(component.get("text")) or ""
        match str(component.get("type", "")).upper():
            case "BODY":
                body, parameters = words, len(set(_VALUE.findall(words)))
            case "HEADER":
                kind = str(component.get("format", "TEXT")).upper()
                # A fixed line takes no value and is nothing to the sender.
                header = "" if kind == "TEXT" and not _VALUE.search(words) else kind
                if kind == "TEXT" and header:
                    buttons += 1  # a value outside the body
            case "BUTTONS":
                for button in records(component.get("buttons")):
                    url = str(button.get("url", ""))
                    buttons += bool(_VALUE.search(url))
    quality = part(one, "quality_score").get("score")
    reason = text(one.get("rejected_reason")) or ""
    return Template(
        name=name,
        language=language,
        status=str(one.get("status", "")).upper(),
        category=str(one.get("category", "")).upper(),
        quality=str(quality or "UNKNOWN").upper(),
        body=body,
        header=header,
        parameters=parameters,
        button_parameters=buttons,
        reason="" if reason.upper() == "NONE" else reason,
    )


# What we need


@dataclass(frozen=True, slots=True)
class Needed:
    """A template that notifications use, with its body in every language that we write."""

    name: str
    category: str
    parameters: tuple[str, ...]
    """Names of the values, in their order."""
    example: tuple[str, ...]
    bodies: Mapping[str, str]

    def request(self, language: str) -> Record:
        """As `POST /{waba}/message_templates` takes it."""
        return {
            "name": self.name,
            "language": language,
            "category": self.category,
            "components": [
                {
                    "type": "BODY",
                    "text": self.bodies[language],
                    "example": {"body_text": [list(self.example)]},
                }
            ],
        }


NEEDED: tuple[Needed, ...] = (
    Needed(
        "order_status",
        "UTILITY",
        ("number", "status"),
        ("1041", "Shipped"),
        {
            "en": "Your order {{1}} is now: {{2}}. Thank you for shopping with us.",
            "si": "ඔබගේ {{1}} ඇණවුමේ තත්ත්වය: {{2}}. අප සමඟ සාප්පු සවාරි කළාට ස්තුතියි.",
            "ta": "உங்கள் ஆர்டர் {{1}} இன் நிலை: {{2}}. எங்களிடம் வாங்கியதற்கு நன்றி.",
        },
    ),
    Needed(
        "shipment_status",
        "UTILITY",
        ("number", "status", "tracking"),
        ("1041", "Out for delivery", "CPK123456"),
        {
            "en": "The parcel of order {{1}} is now: {{2}}. Tracking number: {{3}}. Thank you.",
            "si": "ඔබගේ {{1}} ඇණවුමේ පාර්සලයේ තත්ත්වය: {{2}}. ලුහුබැඳීමේ අංකය: {{3}}. ස්තුතියි.",
            "ta": "உங்கள் ஆர்டர் {{1}} இன் பொதியின் நிலை: {{2}}. கண்காணிப்பு எண்: {{3}}. நன்றி.",
        },
    ),
    Needed(
        "shop_alert",
        "UTILITY",
        ("text",),
        ("Kandy Tea: Low stock: BOPF 400 g, 2 left",),
        {
            "en": "SmartStore Sync tells the shop's staff: {{1}}. See the page Alerts.",
            "si": "SmartStore Sync සාප්පුවේ කාර්ය මණ්ඩලයට දන්වයි: {{1}}. අනතුරු ඇඟවීම් පිටුව බලන්න.",
            "ta": "SmartStore Sync கடை ஊழியர்களுக்கு: {{1}}. எச்சரிக்கைகள் பக்கத்தைப் பார்க்கவும்.",
        },
    ),
)


def needed(name: str) -> Needed | None:
    """The one of this name."""
    return next((one for one in NEEDED if one.name == name), None)


def is_usable(template: Template) -> bool:
    """Whether it can be sent now."""
    return template.status in USABLE


def shape(template: Template) -> dict[str, Any]:
    """As people and stores see it."""
    return {
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "quality": template.quality,
        "body": template.body,
        "header": template.header,
        "parameters": template.parameters,
        "buttonParameters": template.button_parameters,
        "reason": template.reason,
    }
