"""Figures of the day, as clients see them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from api.errors import invalid
from api.services import Services
from api.shapes import Shown
from streams.analysts.results import safe_cell
from streams.analytics.reading import Figures, Sheet, read_figures

MOST_DAYS = 366
USUAL_DAYS = 14


class ShownSheet(Shown, frozen=True, kw_only=True):
    """One table of figures."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    sql: str
    """What tells the same of the archive: `smartstore history sql`."""


class ShownFigures(Shown, frozen=True, kw_only=True):
    """All of them. Amounts are decimal text with their currency beside them."""

    time_zone: str
    first: str
    last: str
    changes: int
    low_stock: int
    out_of_stock: int
    latency: dict[str, float | None]
    sheets: dict[str, ShownSheet]


async def figures_of(
    use: Services, organization_id: str, first: str = "", last: str = ""
) -> Figures:
    """Of the days from `first` to `last`, by the shop's clock; else the last two weeks. Raises
    422."""
    today = datetime.fromtimestamp(use.clock_ms() / 1000, UTC)
    present = today.astimezone(ZoneInfo(use.settings.time_zone)).date()
    end = _day(last, "to") if last else present
    begin = _day(first, "from") if first else end - timedelta(days=USUAL_DAYS - 1)
    if begin > end:
        raise invalid("`from` is after `to`.", "Turn them round.")
    if (end - begin).days >= MOST_DAYS:
        raise invalid(
            f"That is more than {MOST_DAYS} days.",
            "Ask for less at once, or ask the archive in SQL.",
        )
    return await read_figures(use.database, organization_id, begin, end)


def shown(found: Figures, time_zone: str) -> ShownFigures:
    """As JSON."""
    return ShownFigures(
        time_zone=time_zone,
        first=found.first.isoformat(),
        last=found.last.isoformat(),
        changes=found.changes,
        low_stock=found.low,
        out_of_stock=found.out,
        latency=dict(found.latency),
        sheets={
            name: ShownSheet(
                columns=sheet.columns,
                rows=tuple({key: _json(value) for key, value in row.items()} for row in sheet.rows),
                sql=sheet.sql,
            )
            for name, sheet in found.sheets.items()
        },
    )


def as_csv(sheet: Sheet) -> bytes:
    """With a first line of names, and no cell that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(sheet.columns)
    for row in sheet.rows:
        writer.writerow([safe_cell(_json(value)) for value in row.values()])
    return text.getvalue().encode("utf-8-sig")  # spreadsheets take it for another code else


def as_parquet(sheet: Sheet) -> bytes:
    """Days as dates, amounts as DECIMAL(18,4)."""
    columns = {name: [_typed(name, row[name]) for row in sheet.rows] for name in sheet.columns}
    arrays = {name: pa.array(values, type=_TYPES[name]) for name, values in columns.items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    return sink.getvalue()


_TYPES = {
    "day": pa.date32(), "currency": pa.string(), "orders": pa.int64(), "cancelled": pa.int64(),
    "revenue": pa.decimal128(18, 4), "refunded": pa.decimal128(18, 4), "replica": pa.string(),
    "arrived": pa.int64(), "p50_ms": pa.float64(), "p95_ms": pa.float64(), "p99_ms": pa.float64(),
    "type": pa.string(), "field": pa.string(), "asked": pa.int64(), "product_id": pa.string(),
    "label": pa.string(), "quantity": pa.int64(), "threshold": pa.int64(), "courier": pa.string(),
    "delivered": pa.int64(), "median_hours": pa.float64(), "p90_hours": pa.float64(),
}  # fmt: skip


def _typed(name: str, value: Any) -> Any:
    if name == "day":
        return date.fromisoformat(value)
    return value.quantize(Decimal("0.0001")) if isinstance(value, Decimal) else value


def _json(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise invalid(f"{name}={text!r} is no day.", "Send one such as 2026-11-23.") from error
