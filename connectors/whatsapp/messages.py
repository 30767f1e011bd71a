"""Effects to message bodies. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.whatsapp.settings import Account
from connectors.whatsapp.wire import Record

MAX_CALLBACK = 512
MAX_PARAMETER = 1024
MAX_BODY = 4096
_UNSAFE = re.compile(r"[\n\r\t]| {4,}")


def order_status_message(account: Account, effect_key: str, arguments: Mapping[str, Any]) -> Record:
    """`arguments`: to (E.164), status, and where known name, number, total, currency. The template
    of the settings, else plain text. Raises ValueError where it cannot be sent at all."""
    recipient = str(arguments.get("to") or "").strip().lstrip("+")
    if not recipient.isdecimal():
        raise ValueError("the customer has no phone number")
    if len(effect_key) > MAX_CALLBACK:
        raise ValueError(f"the effect's key is over {MAX_CALLBACK} characters")
    values = _values(arguments)
    message: Record = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": recipient,
        "biz_opaque_callback_data": effect_key,
    }
    if account.order_status_template:
        parameters = [
            {"type": "text", "text": _safe(values.get(name) or "-")}
            for name in account.order_status_parameters
        ]
        return {
            **message,
            "type": "template",
            "template": {
                "name": account.order_status_template,
                "language": {"code": account.language},
                "components": [{"type": "body", "parameters": parameters}],
            },
        }
    which = f"Your order {values['number']}" if values.get("number") else "Your order"
    greeting = f"Hello {values['name']}! " if values.get("name") else ""
    body = f"{greeting}{which}: {values.get('status', '')}."
    return {**message, "type": "text", "text": {"preview_url": False, "body": body[:MAX_BODY]}}


def _values(arguments: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(value) for name, value in arguments.items() if value not in (None, "")}
    if "status" in found:
        found["status"] = found["status"].replace("-", " ").capitalize()
    return found


def _safe(text: str) -> str:
    """Meta takes no line breaks, tabs or more than four blanks in a row in a parameter."""
    return _UNSAFE.sub(" ", text).strip()[:MAX_PARAMETER] or "-"
