"""DHL's errors and headers, of both its APIs. Pure."""

from __future__ import annotations

import base64
import re

from connectors.couriers.dhl.settings import Account
from connectors.couriers.errors import by_status
from connectors.couriers.protocol import Context
from connectors.couriers.reading import Record, document, text, texts
from connectors.http import Reply

VERSION = "3.1.0"
_CODE = re.compile(r"(\d{3,}):")


def mydhl_headers(account: Account, context: Context) -> dict[str, str]:
    """Basic authentication, and our id for DHL's support."""
    pair = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
    return {
        "Authorization": f"Basic {pair}",
        "Message-Reference": context.message_id,
        "x-version": VERSION,
        "Accept": "application/json",
    }


def answer(reply: Reply) -> Record:
    """The JSON of a success. Raises CourierError with every message: `detail`, then
    `additionalDetails`. A code in front of the detail (`7008: ...`) is DHL's own."""
    found = document(reply)
    if reply.status < 300:
        return found
    detail = text(found.get("detail")) or text(found.get("message")) or text(found.get("title"))
    said = [one for one in (detail, *texts(found.get("additionalDetails"))) if one]
    own = _CODE.match(detail)
    code = own[1] if own else text(found.get("status")) or text(found.get("code"))
    raise by_status(reply, said, code)
