"""Answers as files: CSV, lines of JSON, Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.codec import encode

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_parquet(table: pa.Table, path: Path) -> None:
    """One file. Raises OSError."""
    pq.write_table(table, path, compression="zstd")


def write_csv(table: pa.Table, to: TextIO) -> None:
    """With a first line of names; nothing is an empty cell."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow(["" if value is None else safe_cell(value) for value in row.values()])


def write_json(table: pa.Table, to: TextIO) -> None:
    """One object a line: amounts as text, times in RFC 3339."""
    for row in _rows(table):
        to.write(encode(row).decode() + "\n")


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from ({name: _plain(value) for name, value in row.items()} for row in
                    batch.to_pylist())  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def safe_cell(value: Any) -> Any:
    """A cell that a spreadsheet would run as a formula is text."""
    if isinstance(value, list | dict):
        value = encode(value).decode()
    if isinstance(value, str) and value[:1] in FORMULA and not _number(value):
        return f"'{value}"
    return value


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
