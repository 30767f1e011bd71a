"""Cash on delivery: what couriers have to collect, have collected, and have paid out. It is the
field `cod` of `ss_shipments`; the lists of payouts are `ss_cod_payouts`.

    cod: {amount, currency, state: expected|collected|paid|returned|cancelled, collectedAtMs,
          paid, payouts: [{id, amount, atMs}], paidAtMs}

Amounts are decimal text. A payout is what a courier's statement says: one statement pays a shipment
once, several may pay it in parts. Where all of them differ from what was expected, the difference
is kept and listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from connectors.couriers.status import Status
from schemas.clock import unix_ms
from schemas.money import money
from streams.database import Database, Document

State = Literal["expected", "collected", "paid", "returned", "cancelled"]
STATES: tuple[State, ...] = ("expected", "collected", "paid", "returned", "cancelled")
MOVES: dict[Status, State] = {
    "delivered": "collected",
    "returned": "returned",
    "cancelled": "cancelled",
}


@dataclass(frozen=True)
class Paid:
    """One line of a courier's statement."""

    number: str
    """The tracking number."""
    amount: Decimal


@dataclass(frozen=True)
class Settled:
    """What a statement came to."""

    payout_id: str
    matched: int
    paid: Decimal
    unknown: tuple[str, ...] = ()
    """Numbers that no shipment of ours bears."""
    again: tuple[str, ...] = ()
    """Numbers that an earlier statement has paid in full: listed, and not paid twice."""
    partly: tuple[str, ...] = ()
    """Numbers of which something is still to come."""
    differing: tuple[dict[str, str], ...] = ()


def difference(cod: Document) -> str:
    """Paid out less expected: negative where money is missing. Nothing before it is paid."""
    if cod.get("state") != "paid":
        return "0"
    return money(Decimal(cod["paid"]) - Decimal(cod["amount"])) or "0"


class Cash:
    """The books. Errors: PyMongo's own."""

    def __init__(self, database: Database, clock_ms: Callable[[], int] = unix_ms) -> None:
        self._shipments = database["ss_shipments"]
        self._payouts = database["ss_cod_payouts"]
        self._clock_ms = clock_ms

    async def moved(
        self, organization_id: str, shipment_id: str, status: Status | None, at_ms: int
    ) -> None:
        """A parcel has a new status. What was paid out stays so."""
        state = MOVES.get(status) if status else None
        if state is None:
            return
        await self._shipments.update_one(
            {
                "_id": shipment_id,
                "organizationId": organization_id,
                "cod.state": {"$in": ["expected", "collected"]},
            },
            {"$set": {"cod.state": state, "cod.collectedAtMs": at_ms}},
        )

    async def listed(
        self, organization_id: str, courier: str = "", state: str = "", limit: int = 500
    ) -> list[Document]:
        """Shipments with cash on delivery, the newest first."""
        place = _place(organization_id, courier)
        if state:
            place["cod.state"] = state
        rows = self._shipments.find(place, {"request": 0}).sort("createdAtMs", -1).limit(limit)
        return await rows.to_list()

    async def totals(self, organization_id: str, courier: str = "") -> list[dict[str, Any]]:
        """By courier and currency: counts and sums of each state, and what is missing."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        rows = self._shipments.find(_place(organization_id, courier), {"courier": 1, "cod": 1})
        async for row in rows:
            cod = row["cod"]
            total = found.setdefault(
                (row["courier"], cod["currency"]),
                {
                    "counts": dict.fromkeys(STATES, 0),
                    "sums": dict.fromkeys(STATES, Decimal(0)),
                    "difference": Decimal(0),
                },
            )
            total["counts"][cod["state"]] += 1
            total["sums"][cod["state"]] += Decimal(cod["amount"])
            total["difference"] += Decimal(difference(cod))
        return [
            {
                "courierCode": code,
                "currency": currency,
                "counts": total["counts"],
                "amounts": {state: money(total["sums"][state]) for state in STATES},
                "difference": money(total["difference"]),
            }
            for (code, currency), total in sorted(found.items())
        ]

    async def pay_out(
        self, organization_id: str, courier: str, payout_id: str, lines: Sequence[Paid]
    ) -> Settled:
        """Note a courier's statement. The same `payout_id` again gives what is known of it; a
        shipment is paid once."""
        now_ms = self._clock_ms()
        place = f"{organization_id}/{courier}/{payout_id}"
        row = {
            "_id": place,
            "organizationId": organization_id,
            "courier": courier,
            "payoutId": payout_id,
            "lines": [{"number": one.number, "amount": str(one.amount)} for one in lines],
            "atMs": now_ms,
        }
        try:
            await self._payouts.insert_one(row)
        except DuplicateKeyError:
            kept = await self._payouts.find_one({"_id": place})
            if kept is not None:  # what was noted first holds, whatever is sent now
                lines = [Paid(one["number"], Decimal(one["amount"])) for one in kept["lines"]]
        return await self._noted(organization_id, courier, payout_id, lines, now_ms)

    async def _noted(
        self,
        organization_id: str,
        courier: str,
        payout_id: str,
        lines: Sequence[Paid],
        now_ms: int,
    ) -> Settled:
        unknown, again, partly, differing = [], [], [], []
        matched, total = 0, Decimal(0)
        for number, amount in sums(lines).items():
            mine = {"organizationId": organization_id, "courier": courier, "number": number}
            paid = await self._pay(mine, payout_id, amount, now_ms)
            if paid is None:
                unknown.append(number)
                continue
            before, after = paid
            if after is None:
                again.append(number)
                continue
            matched, total = matched + 1, total + amount
            expected, in_all = Decimal(before["amount"]), Decimal(after)
            if in_all < expected:
                partly.append(number)
            if in_all != expected:
                told = {"number": number, "expected": before["amount"]}
                differing.append({**told, "paid": money(in_all) or "0"})
        return Settled(
            payout_id, matched, total, tuple(unknown), tuple(again), tuple(partly), tuple(differing)
        )

    async def _pay(
        self, mine: Document, payout_id: str, amount: Decimal, now_ms: int
    ) -> tuple[Document, str | None] | None:
        """(the books before, what is paid in all after); None in its place for what is paid
        already; None for a number that is not ours. Two statements at once: one after the other."""
        while True:
            row = await self._shipments.find_one({**mine, "cod.amount": {"$exists": True}})
            if row is None:
                return None
            cod = row["cod"]
            held = cod.get("payouts", [])
            if any(one["id"] == payout_id for one in held):
                return cod, cod["paid"]  # this very statement, noted before
            before = Decimal(cod.get("paid") or 0)
            if held and before >= Decimal(cod["amount"]):
                return cod, None
            after = money(before + amount) or "0"
            told = {"id": payout_id, "amount": money(amount) or "0", "atMs": now_ms}
            changes = {
                "cod.state": "paid",
                "cod.paid": after,
                "cod.payouts": [*held, told],
                "cod.paidAtMs": now_ms,
            }
            # Guarded by the payouts that were read: of two at once, the second looks again.
            seen = {"cod.payouts": held} if held else {"cod.payouts": {"$exists": False}}
            done = await self._shipments.update_one({"_id": row["_id"], **seen}, {"$set": changes})
            if done.matched_count:
                return cod, after


def sums(lines: Sequence[Paid]) -> dict[str, Decimal]:
    """Number to amount: a statement may tell one shipment in several lines."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.number] = found.get(line.number, Decimal(0)) + line.amount
    return found


def _place(organization_id: str, courier: str) -> Document:
    place: Document = {"organizationId": organization_id, "cod.amount": {"$exists": True}}
    return {**place, "courier": courier} if courier else place
