"""FedEx's errors, headers and tokens. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.couriers.errors import AuthError, CourierError, RateLimited, Unavailable, by_status
from connectors.couriers.fedex.settings import Account
from connectors.couriers.oauth import FORM, GRANT, token_of
from connectors.couriers.protocol import Context, Request, Token
from connectors.couriers.reading import Record, document, records, text
from connectors.http import Reply

NOT_FOUND = "TRACKING.TRACKINGNUMBER.NOTFOUND"
KINDS: Mapping[str, type[CourierError]] = {
    "NOT.AUTHORIZED.ERROR": AuthError,
    "FORBIDDEN.ERROR": AuthError,
    "SERVICE.UNAVAILABLE.ERROR": Unavailable,
    "RATE.LIMIT.EXCEEDED": RateLimited,
}
"""FedEx's own code decides before the HTTP status."""


def headers(context: Context) -> dict[str, str]:
    """`x-customer-transaction-id` comes back in the answer."""
    return {
        "Authorization": f"Bearer {context.token}",
        "Content-Type": "application/json",
        "x-locale": "en_US",
        "x-customer-transaction-id": context.message_id,
    }


def token_request(account: Account, scope: str) -> Request:
    """`scope` names the project: `track` or `ship`."""
    client_id, client_secret = account.ship if scope == "ship" else account.track
    form = {**GRANT, "client_id": client_id, "client_secret": client_secret}
    return Request("POST", f"{account.base_url}/oauth/token", headers=FORM, form=form)


def token_response(reply: Reply) -> Token:
    """Raises AuthError for wrong keys: repeating that gets the address blocked."""
    return token_of(answer(reply))


def answer(reply: Reply) -> Record:
    """The JSON of a success. Raises CourierError with every message."""
    found = document(reply)
    listed = records(found.get("errors"))
    if reply.status < 300 and not listed:
        return found
    said = [text(one.get("message")) for one in listed]
    code = text(listed[0].get("code")) if listed else ""
    kind = KINDS.get(code)
    if kind is not None:
        raise kind(said, code=code, retry_after_s=reply.retry_after_s())
    raise by_status(reply, said, code)
