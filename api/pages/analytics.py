"""`/analytics`: figures of each day, by the shop's own clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from babel.dates import format_date
from fastapi import APIRouter, Query, Request, Response
from fastapi_problem.error import Problem
from pymongo.errors import PyMongoError

from api.analytics import figures_of
from api.deps import UseServices
from api.pages.away import REACHABLE, away
from api.pages.charts import Bar, Columns, Rank, columns, ranks
from api.pages.i18n import _, currency_word, locale, number_word
from api.pages.render import page
from api.pages.visiting import UseVisitor
from api.pages.words import field_word, first_big, latency_word, replica_word, type_word
from streams.analytics.reading import Figures, Sheet

router = APIRouter(include_in_schema=False, dependencies=REACHABLE)

MOST_CURRENCIES = 3


@dataclass(frozen=True)
class Panel:
    """One chart with its table, its files and its SQL."""

    name: str
    title: str
    about: str
    empty: str
    """What is said while there is nothing to show."""
    sheet: Sheet
    charts: tuple[tuple[str, Columns], ...] = ()
    """(name, drawing)"""
    ranked: tuple[Rank, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The table in words."""


@router.get("/analytics")
async def analytics_page(
    request: Request,
    caller: UseVisitor,
    use: UseServices,
    begin: Annotated[str, Query(alias="from", max_length=10)] = "",
    to: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The last two weeks, or the days asked for."""
    note = ""
    try:
        name = await use.directory.name_of(caller.organization_id)
        try:
            found = await figures_of(use, caller.organization_id, begin, to)
        except Problem as problem:
            note = f"{problem.detail} {problem.marshal().get('help', '')}"
            found = await figures_of(use, caller.organization_id)
    except PyMongoError:
        return away(request)
    return page(
        request,
        "analytics.html",
        organization=name,
        note=note,
        first=found.first.isoformat(),
        last=found.last.isoformat(),
        tiles=_tiles(found),
        panels=_panels(found),
    )


def _tiles(found: Figures) -> list[tuple[str, str, str, str]]:
    """(name, value, tone, the panel it is of)"""
    orders = sum(row["orders"] for row in found.sheets["orders"].rows)
    p95 = found.latency["p95_ms"]
    return [
        (_("Orders"), number_word(orders), "", "orders"),
        (_("Changes"), number_word(found.changes), "", "latency"),
        (_("Arrive within (95 of 100)"), _latency(p95), "", "latency"),
        (_("Low in stock"), number_word(found.low), "ask" if found.low else "", "stock"),
    ]


def _panels(found: Figures) -> list[Panel]:
    return [
        _orders(found),
        _latencies(found),
        _conflicts(found.sheets["conflicts"]),
        _stock(found.sheets["stock"]),
        _couriers(found.sheets["couriers"]),
    ]


def _orders(found: Figures) -> Panel:
    sheet = found.sheets["orders"]
    counts: Counter[str] = Counter()
    revenue: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in sheet.rows:
        counts[row["day"]] += row["orders"]
        revenue[row["currency"]][row["day"]] = row["revenue"]
    name = _("Orders a day")
    drawn = [(name, columns(name, [
        Bar(_day(day), counts[day], number_word(counts[day])) for day in found.days
    ]))]  # fmt: skip
    for currency in sorted(revenue, key=lambda one: -sum(revenue[one].values()))[:MOST_CURRENCIES]:
        name = _("Revenue a day, %(currency)s", currency=currency or "?")
        drawn.append((name, columns(name, _money(found, currency, revenue[currency]))))
    return Panel(
        "orders",
        _("Orders and revenue"),
        _("By the day they were placed. Cancelled, failed and returned orders bring in nothing; "
          "what was paid back is taken off."),
        _("No order was placed in these days. The next one is here within seconds."),
        sheet,
        charts=tuple(drawn) if sheet.rows else (),
        headings=(_("Day"), _("Currency"), _("Orders"), _("Cancelled"), _("Revenue"),
                  _("Paid back")),
        rows=tuple(
            (_day(row["day"]), row["currency"], number_word(row["orders"]),
             number_word(row["cancelled"]), _amount(row["revenue"], row["currency"]),
             _amount(row["refunded"], row["currency"]))
            for row in reversed(sheet.rows)
        ),
    )  # fmt: skip


def _money(found: Figures, currency: str, by_day: Mapping[str, Decimal]) -> list[Bar]:
    nothing = Decimal(0)
    return [
        Bar(_day(day), float(by_day.get(day, nothing)),
            _amount(by_day.get(day, nothing), currency))
        for day in found.days
    ]  # fmt: skip


def _latencies(found: Figures) -> Panel:
    sheet = found.sheets["latency"]
    worst: dict[str, float] = {}
    for row in sheet.rows:
        worst[row["day"]] = max(worst.get(row["day"], 0), row["p95_ms"])
    name = _("95 of 100 changes arrive within, slowest platform")
    bars = [Bar(_day(day), worst.get(day, 0), _latency(worst.get(day))) for day in found.days]
    return Panel(
        "latency",
        _("How fast changes arrive"),
        _("From the moment a change reached us until a platform holds it."),
        _("Nothing was sent to a platform in these days."),
        sheet,
        charts=((name, columns(name, bars)),) if sheet.rows else (),
        headings=(_("Day"), _("Platform"), _("Arrived"), _("Half within"), _("95 of 100 within"),
                  _("99 of 100 within")),
        rows=tuple(
            (_day(row["day"]), replica_word(row["replica"]), number_word(row["arrived"]),
             _latency(row["p50_ms"]), _latency(row["p95_ms"]), _latency(row["p99_ms"]))
            for row in reversed(sheet.rows)
        ),
    )  # fmt: skip


def _conflicts(sheet: Sheet) -> Panel:
    words = [
        (first_big(f"{type_word(row['type'])}: {field_word(row['field'])}"), row["asked"])
        for row in sheet.rows
    ]
    return Panel(
        "conflicts",
        _("What you were asked to decide"),
        _("How often two sides changed one field and a person had to choose. A rule for such a "
          "field saves the question."),
        _("Nobody had to decide anything in these days."),
        sheet,
        ranked=tuple(ranks([Bar(name, count, number_word(count)) for name, count in words])),
        headings=(_("Field"), _("Asked")),
        rows=tuple((name, number_word(count)) for name, count in words),
    )  # fmt: skip


def _stock(sheet: Sheet) -> Panel:
    return Panel(
        "stock",
        _("Low in stock now"),
        _("Items with nothing left, or no more than their low-stock alert says."),
        _("Nothing is low in stock."),
        sheet,
        headings=(_("Item"), _("Left"), _("Alert at")),
        rows=tuple(
            (row["label"] or row["product_id"], number_word(row["quantity"]),
             "" if row["threshold"] is None else number_word(row["threshold"]))
            for row in sheet.rows
        ),
    )  # fmt: skip


def _couriers(sheet: Sheet) -> Panel:
    bars = [
        Bar(_courier(row["courier"]), row["median_hours"], _hours(row["median_hours"]))
        for row in sheet.rows
    ]
    return Panel(
        "couriers",
        _("How long couriers take"),
        _("From the label to the customer's door, of parcels delivered in these days; half of them "
          "were faster."),
        _("No parcel was delivered in these days."),
        sheet,
        ranked=tuple(ranks(bars)),
        headings=(_("Courier"), _("Delivered"), _("Half within"), _("90 of 100 within")),
        rows=tuple(
            (_courier(row["courier"]), number_word(row["delivered"]), _hours(row["median_hours"]),
             _hours(row["p90_hours"]))
            for row in sheet.rows
        ),
    )  # fmt: skip


def _day(text: str) -> str:
    return str(format_date(date.fromisoformat(text), "d MMM", locale=locale()))


def _amount(value: Decimal, currency: str) -> str:
    return currency_word(format(value, "f"), currency) if currency else number_word(value)


def _latency(value: Any) -> str:
    return latency_word(int(value)) if value else "-"


def _hours(value: float) -> str:
    if value < 48:
        return _("%(number)s hours", number=number_word(round(value, 1)))
    return _("%(number)s days", number=number_word(round(value / 24, 1)))


def _courier(code: str) -> str:
    return replica_word(f"courier:{code}") if code else "?"
