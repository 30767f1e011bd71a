"""Every ready example runs, on a history in which it has something to say and on an empty one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.archive import EVENT_SCHEMA
from streams.analysts.examples import cells, names, notebook, title
from streams.analysts.tables import opened
from support.archived import small_history

EXAMPLES = ["conflicts", "couriers", "latency", "orders", "stock"]


@pytest.fixture(scope="module")
def tables() -> Any:
    return opened(small_history().table(), "Asia/Colombo")


def test_these_are_there() -> None:
    assert names() == EXAMPLES
    assert title("latency") == "How fast changes arrive"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(tables: Any, name: str) -> None:
    queries = [cell.query for cell in cells(name) if cell.query]
    assert len(queries) >= 2
    shown = [len(tables.sql(query).fetchall()) for query in queries]
    assert shown[0] > 0
    empty = opened(EVENT_SCHEMA.empty_table(), "UTC")
    assert all(empty.sql(query).fetchall() in ([], [(None,)]) for query in queries)


def test_a_stock_out_and_what_it_cost(tables: Any) -> None:
    """Ten units in two hours, then six hours at zero: thirty that were not sold... by the rate of
    the hours in stock, of which the last has lasted until now."""
    (query, _) = [cell.query for cell in cells("stock") if cell.query]
    ((item, outs, hours, units, _lost),) = tables.sql(query).fetchall()
    assert (item, outs, hours, units) == ("TEA", 1, 6.0, 10)


def test_the_way_of_orders(tables: Any) -> None:
    reached, steps, _ = [cell.query for cell in cells("orders") if cell.query]
    assert dict(row[:2] for row in tables.sql(reached).fetchall())["pending"] == 2
    ways = {(a, b): hours for a, b, _, hours in tables.sql(steps).fetchall()}
    assert ways["processing", "shipped"] == 0.8  # 45 minutes


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_notebook_is_what_jupyter_reads(name: str) -> None:
    made = notebook(name)
    assert made["nbformat"] == 4
    kinds = [cell["cell_type"] for cell in made["cells"]]
    assert kinds[0] == "markdown"
    assert kinds.count("code") >= 3
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            compile(cell["source"], name, "exec")
