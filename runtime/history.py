"""The analyst's way in: `from runtime import history; history.sql("SELECT …").pl()`.

The views and their columns are in docs/analysts.md. What happened in the last minute may not have
been archived yet.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.errors import CannotServe
from runtime.here import Here, here
from runtime.past import open_sources
from streams.analysts.tables import connect
from streams.archive.reading import Archive, open_archive

T = TypeVar("T")
TIME_ZONE = "Asia/Colombo"
SHOWN_ROWS = 50
WIDE = 60


def sql(query: str, *, organization: str = "", params: Any = None) -> Any:
    """The answer, not yet read: a DuckDB relation with `.arrow()`, `.pl()` (Polars), `.df()`
    (pandas), `.fetchall()`. `params`: for the `?` in the query. Raises SmartStoreError,
    duckdb.Error."""
    return connection(organization=organization).sql(query, params=params)


def show(query: str, *, organization: str = "", params: Any = None) -> Any:
    """The same as a table of Polars or pandas where one is installed, for a notebook to draw; else
    printed here."""
    relation = sql(query, organization=organization, params=params)
    for module, way in (("polars", "pl"), ("pandas", "df")):
        if importlib.util.find_spec(module) and _in_notebook():
            return getattr(relation, way)()
    print_table(relation.to_arrow_table())
    return None


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def print_table(found: Any) -> None:
    """The first rows, for people."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in found.column_names:
        table.add_column(name, overflow="fold")
    for row in found.slice(0, SHOWN_ROWS).to_pylist():
        table.add_row(*(Text(short(value)) for value in row.values()))
    console.print(table)
    if found.num_rows > SHOWN_ROWS:
        sys.stderr.write(f"{SHOWN_ROWS} of {found.num_rows} rows\n")


def short(value: Any) -> str:
    """A cell: times to the second, amounts without trailing zeros."""
    if isinstance(value, datetime):
        value = f"{value:%Y-%m-%d %H:%M:%S}"
    elif isinstance(value, Decimal):
        value = format(value.normalize(), "f")
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"


def connection(*, organization: str = "") -> Any:
    """A DuckDB connection with the views, on the archive as it is now; in memory, so anything may
    be made in it. `organization`: whose; else the one here. Raises SmartStoreError."""
    found = here()
    whose = organization or found.organization_id
    archive = waited(opened(found, whose))
    return connect(archive, whose, found.environment.get("SMARTSTORE_TIME_ZONE") or TIME_ZONE)


async def opened(found: Here, organization: str) -> Archive:
    """The archive of what runs here. Raises SmartStoreError."""
    try:
        async with open_sources(found) as sources:
            return await open_archive(sources.database, sources.location, organization)
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer, which knows the archive's files",
            fix="smartstore up, or DATABASE_URL",
        ) from error


def waited(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result, also where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
