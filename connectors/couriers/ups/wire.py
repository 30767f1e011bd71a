"""UPS's errors, headers and tokens. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from connectors.couriers.errors import AuthError, CourierError, RateLimited, by_status
from connectors.couriers.oauth import FORM, GRANT, token_of
from connectors.couriers.protocol import Context, Request, Token
from connectors.couriers.reading import Record, document, part, records, text
from connectors.couriers.ups.settings import Account
from connectors.http import Reply

SOURCE = "sync"
NOT_FOUND = "TW0001"
KINDS: Mapping[str, type[CourierError]] = {
    "10401": AuthError,
    "250002": AuthError,
    "250003": AuthError,
    "10429": RateLimited,
}
"""UPS's own code decides before the HTTP status."""


def headers(context: Context) -> dict[str, str]:
    """UPS refuses a request without the last two."""
    return {
        "Authorization": f"Bearer {context.token}",
        "transId": context.message_id,
        "transactionSrc": SOURCE,
    }


def token_request(account: Account) -> Request:
    """Basic, and a form."""
    pair = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
    return Request(
        "POST",
        f"{account.base_url}/security/v1/oauth/token",
        headers={"Authorization": f"Basic {pair}", **FORM},
        form=GRANT,
    )


def token_response(reply: Reply) -> Token:
    """Every value is text, numbers too."""
    return token_of(answer(reply))


def answer(reply: Reply) -> Record:
    """The JSON of a success. Raises CourierError with every message."""
    found = document(reply)
    listed = records(part(found, "response").get("errors"))
    if reply.status < 300 and not listed:
        return found
    said = [text(one.get("message")) for one in listed]
    code = text(listed[0].get("code")) if listed else ""
    kind = KINDS.get(code)
    if kind is not None:
        raise kind(said, code=code, retry_after_s=reply.retry_after_s())
    raise by_status(reply, said, code)
