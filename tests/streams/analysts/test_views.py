"""What an analyst sees of a history whose figures are known."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from schemas.archive import EVENT_SCHEMA
from streams.analysts.results import write_csv, write_json, write_parquet
from streams.analysts.tables import connect, opened
from streams.analysts.views import VIEWS, documented
from streams.archive.location import locate
from streams.archive.manifest import ArchiveFile, Snapshot
from streams.archive.reading import Archive
from support.archived import small_history

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def tables() -> Any:
    connection = opened(small_history().table(), "Asia/Colombo")
    yield connection
    connection.close()


def rows(tables: Any, sql: str) -> list[Any]:
    found: list[Any] = tables.sql(sql).fetchall()
    return found


@pytest.mark.parametrize("name", VIEWS)
def test_columns_are_those_that_are_documented(name: str) -> None:
    """On an empty history too: a shop's first day is no error."""
    empty = opened(EVENT_SCHEMA.empty_table(), "UTC")
    found = empty.table(name)
    assert found.columns == [column.strip('"') for column in VIEWS[name].columns]
    assert found.fetchall() == []


def test_orders_as_they_stand(tables: Any) -> None:
    assert rows(tables, "SELECT order_id, status, currency, total, refunded, city FROM orders "
                        "ORDER BY order_id") == [
        ("o1", "delivered", "LKR", Decimal("1000.5"), Decimal("200.25"), "Kandy"),
        ("o2", "cancelled", "LKR", Decimal("300"), Decimal(0), None),
        ("o3", "processing", "USD", Decimal("99.9"), Decimal(0), None),
    ]  # fmt: skip
    ((placed,),) = rows(tables, "SELECT placed_at FROM orders WHERE number = '1042'")
    assert placed == datetime(2026, 11, 18, 16, 30, tzinfo=ZoneInfo("Asia/Colombo"))


def test_stock_with_how_long_it_lasted(tables: Any) -> None:
    found = rows(tables, "SELECT quantity, previous, change, epoch(until - happened_at) / 3600 "
                         "FROM stock_levels ORDER BY happened_at")  # fmt: skip
    assert found == [(10, None, None, 2.0), (0, 10, -10, 6.0), (5, 0, 5, None)]


def test_conflicts_are_told_once_as_they_stand(tables: Any) -> None:
    found = rows(tables, "SELECT field, status, automatic, resolution, decided_by, value, "
                         "epoch(closed_at - opened_at) FROM conflicts ORDER BY field")  # fmt: skip
    assert found == [
        ("name", "resolved", True, "newest", "rule", None, 0.0),
        ("price", "resolved", False, "keep", "nimal", '"1"', 5.0),
    ]


def test_parcels_and_latencies(tables: Any) -> None:
    found = rows(tables, "SELECT courier, hours, cod_amount FROM shipments ORDER BY courier")
    assert found == [("aramex", 30.0, Decimal("1000.5")), ("dhl", None, None)]
    assert rows(tables, "SELECT median(latency_ms), max(latency_ms) FROM latency") == [(60.0, 900)]


def test_results_go_to_arrow_and_polars(tables: Any) -> None:
    relation = tables.sql(
        "SELECT currency, sum(total) AS total FROM orders GROUP BY ALL ORDER BY 1"
    )
    assert relation.to_arrow_table().column("currency").to_pylist() == ["LKR", "USD"]
    assert relation.pl()["total"].to_list() == [Decimal("1300.5"), Decimal("99.9")]


def test_the_document_is_made_from_the_views() -> None:
    assert documented() in (ROOT / "docs" / "analysts.md").read_text()


def test_files_of_an_archive(tmp_path: Path) -> None:
    """Two days' files of this organisation are asked, another's is not, and none is no error."""
    events = small_history().table()
    other = small_history().table()
    files = []
    for number, (organization, table) in enumerate(
        [("kandy", events.slice(0, 10)), ("kandy", events.slice(10)), ("galle", other)]
    ):
        name = f"{organization}/all/{number}.parquet"
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        files.append(
            ArchiveFile(
                name=name, organization=organization, topic="all", log="log", day="2026-11-18",
                rows=table.num_rows, bytes=1, plain_bytes=1, from_ms=0, to_ms=2**60,
            )
        )  # fmt: skip
    archive = Archive(locate("", tmp_path), Snapshot(tuple(files), {}))
    kandy = connect(archive, "kandy", "Asia/Colombo")
    assert kandy.sql("SELECT count(*) FROM events").fetchall() == [(events.num_rows,)]
    assert kandy.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
    assert connect(archive, "jaffna").sql("SELECT * FROM orders").fetchall() == []


def test_answers_as_files(tables: Any, tmp_path: Path) -> None:
    found = tables.sql(
        "SELECT placed_at, total, items, '=1+1' AS note FROM orders WHERE order_id = 'o1'"
    ).to_arrow_table()
    text = io.StringIO()
    write_csv(found, text)
    (row,) = csv.DictReader(io.StringIO(text.getvalue()))
    assert (row["total"], row["note"]) == ("1000.5", "'=1+1")
    text = io.StringIO()
    write_json(found, text)
    assert json.loads(text.getvalue())["placed_at"] == "2026-11-18T16:30:00+05:30"
    write_parquet(found, tmp_path / "orders.parquet")
    assert pq.read_table(tmp_path / "orders.parquet").column("total").to_pylist() == [
        Decimal("1000.5")
    ]
