"""Refunds and notes of an order: each is added by a call of its own, and none is ever taken away.

A refund is entered in the shop's books only; no payment provider is asked for money. It carries our
own name for it, so that an unanswered call is not made twice; a note is known by its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from connectors.woocommerce import wire
from connectors.woocommerce.extras import NOTES, told_notes
from connectors.woocommerce.rest import API, Rejected, Rest
from connectors.woocommerce.wire import Resource, meta_value, records, text_of
from schemas.command import Write
from schemas.money import money

REFUND = "_smartstore_refund"
SEEN_OTHERWISE = "expected"
"""The code of Rejected where the shop has a refund that we have not seen."""
FIELDS = frozenset(("refunds", "notes"))


class Additions:
    """Of one shop's orders."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def make(self, command: Write, order: Resource) -> Resource:
        """Make what of `want` the order lacks; the REST fields that tell of it. Raises as
        `Rest.send`; Rejected with SEEN_OTHERWISE."""
        path = f"/orders/{int(command.external_id)}"
        if "refunds" in command.want:
            total = Decimal(money(order.get("total")) or 0)
            await self._refunds(command, f"{path}/refunds", total)
        if "notes" not in command.want:
            return {}
        notes = told_notes(command.want["notes"])
        await self._notes(notes, f"{path}/notes")
        return {"meta_data": [{"key": NOTES, "value": msgspec.json.encode(notes).decode()}]}

    async def _refunds(self, command: Write, path: str, total: Decimal) -> None:
        held = records(await self._rest.get(path, {"per_page": "100"}))
        wanted = named(command.entity_id, command.want["refunds"])
        expected = named(command.entity_id, command.expected.get("refunds"))
        if any(number not in {**wanted, **expected} for number in unnamed(held)):
            raise Rejected(SEEN_OTHERWISE, "the shop has another refund", {})
        known = {wire.identifier(one.get("id")) for one in held} | names_of(held)
        left = total - sum(Decimal(money(one.get("amount")) or 0) for one in held)
        for name, refund in wanted.items():
            amount = money(refund.get("total"))
            if name in known or amount is None:
                continue
            left -= Decimal(amount)
            if left < 0:  # core answers this as if it had broken down
                raise Rejected("refund", f"{amount} is more than what is left of the order", {})
            body = {
                "amount": amount,
                "reason": text_of(refund.get("reason")) or "",
                "api_refund": False,
                "meta_data": [{"key": REFUND, "value": name}],
            }
            await self._rest.send("POST", API + path, body=body)

    async def _notes(self, notes: Sequence[Mapping[str, Any]], path: str) -> None:
        shown = {one.get("note") for one in records(await self._rest.get(path, {"type": "any"}))}
        for note in notes:
            if note["text"] not in shown:
                body = {"note": note["text"], "customer_note": bool(note.get("toCustomer"))}
                await self._rest.send("POST", API + path, body=body)


def named(entity_id: str, refunds: Any) -> dict[str, Mapping[str, Any]]:
    """Refunds by their own id, the shop's or the app's; one without has its place. Pure."""
    entries = refunds if isinstance(refunds, list) else []
    return {
        str(one.get("id") or f"{entity_id}/{place}"): one
        for place, one in enumerate(entries)
        if isinstance(one, Mapping)
    }


def names_of(held: Sequence[Resource]) -> set[str]:
    """Our names of the refunds that we made. Pure."""
    return {str(name) for one in held if (name := meta_value(one, REFUND))}


def unnamed(held: Sequence[Resource]) -> set[str]:
    """Ids of those that somebody else made. Pure."""
    return {wire.identifier(one.get("id")) for one in held if not meta_value(one, REFUND)}
