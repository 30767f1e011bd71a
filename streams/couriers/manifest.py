"""Pure: what was handed to a courier on one day, as a page to print and sign, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape

from schemas.money import money
from streams.couriers.shipments import Wanted

COLUMNS = (
    "Courier", "Tracking number", "Order", "Parcels", "Weight kg", "Receiver", "Phone", "City",
    "Cash on delivery", "Currency",
)  # fmt: skip
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:left}td.n{text-align:right}"
    "footer{margin-top:3em}@media print{body{margin:0}}"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_of(shipments: Sequence[Wanted]) -> list[tuple[str, ...]]:
    """By courier and number."""
    return sorted(_row(one) for one in shipments if one.state == "created")


def _row(one: Wanted) -> tuple[str, ...]:
    to = one.request.get("deliveryAddress", {})
    return (
        one.courier, one.number, one.order_name, str(max(1, len(one.pieces))), one.weight_kg,
        str(to.get("name", "")), str(to.get("phone", "")), str(to.get("city", "")),
        str(one.cod.get("amount", "")), str(one.cod.get("currency", "")),
    )  # fmt: skip


def totals(rows: Sequence[tuple[str, ...]]) -> Mapping[str, str]:
    """Cash to be collected, by currency."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row[8]:
            sums[row[9]] = sums.get(row[9], Decimal(0)) + Decimal(row[8])
    return {currency: money(amount) or "0" for currency, amount in sorted(sums.items())}


def as_csv(rows: Sequence[tuple[str, ...]]) -> str:
    """For spreadsheets, in which no text of a customer's may act as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(tuple(_inert(cell, place) for place, cell in enumerate(row)) for row in rows)
    return out.getvalue()


def _inert(cell: str, place: int) -> str:
    phone = place == 6 and cell[1:].isdigit()
    return f"'{cell}" if cell.startswith(_FORMULA) and not phone else cell


def as_html(rows: Sequence[tuple[str, ...]], title: str) -> str:
    """For paper: with a line for the driver to sign."""
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    due = ", ".join(f"{currency} {amount}" for currency, amount in totals(rows).items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"<p>{len(rows)} shipments. Cash to collect: {escape(due) or 'none'}.</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "<footer>Received by (name, signature, time): ______________________________</footer>"
    )
