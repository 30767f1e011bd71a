"""A new customer may have an account already: the e-mail address tells."""

from __future__ import annotations

from connectors.protocol import Answer
from connectors.woocommerce import answers
from connectors.woocommerce.marks import raw_mark
from connectors.woocommerce.rest import Rest
from schemas.command import Create

STAFF = frozenset(("administrator", "shop_manager", "editor", "author", "contributor"))
"""Accounts that are nobody's customers, whatever their owners buy."""


async def known_customer(rest: Rest, command: Create) -> Answer | None:
    """The account with this address: taken where this very operation made it, else refused, so that
    it is linked. Raises as `Rest.send`."""
    email = str(command.want.get("email") or "").strip().lower()
    if not email:
        return Answer(result="failed", reason="a customer without e-mail gets no account")
    found, _ = await rest.listed("/customers", {"email": email, "role": "all", "per_page": "1"})
    if not found:
        return None
    role = str(found[0].get("role") or "")
    if role in STAFF:
        return Answer(result="failed", reason=f"this e-mail address is that of the shop's {role}")
    mark = raw_mark("customer", found[0]) or {}
    ours = mark.get("entity") == f"customer/{command.entity_id}"
    if ours and tuple(mark["op"]) == tuple(command.op):
        return answers.tell(command, "taken", found[0], rest.shop.country)
    return answers.tell(command, "refused", found[0], rest.shop.country, "email")
