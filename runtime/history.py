"""The analyst's way in: `from runtime import history; history.sql("SELECT …").pl()`.

The views and their columns are in docs/analysts.md. What happened in the last minute may not have
been archived yet.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.errors import CannotServe, SmartStoreError
from runtime.here import Here, here
from runtime.past import open_sources
from streams.analysts.tables import connect
from streams.archive.reading import Archive, open_archive

T = TypeVar("T")
TIME_ZONE = "Asia/Colombo"
SHOWN_ROWS = 50
WIDE = 60


class Answer:
    """An answer, not yet read: `.arrow()`, `.pl()` (Polars), `.df()` (pandas), `.fetchall()`, and
    all else that a DuckDB relation can."""

    def __init__(self, relation: Any) -> None:
        self._relation = relation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relation, name)

    def __repr__(self) -> str:
        return repr(self._relation)

    def pl(self) -> Any:
        """As a data frame of Polars. Raises SmartStoreError where that is not installed."""
        return self._framed("polars", self._relation.pl)

    def df(self) -> Any:
        """As a data frame of pandas. Raises SmartStoreError where that is not installed."""
        return self._framed("pandas", self._relation.df)

    def _framed(self, module: str, made: Callable[[], Any]) -> Any:
        if importlib.util.find_spec(module) is None:
            raise SmartStoreError(
                f"{module} is not installed here: {sys.executable} -m pip install {module}; "
                ".arrow() needs nothing more"
            )
        return made()


def sql(query: str, *, organization: str = "", params: Any = None) -> Answer | None:
    """The answer; None for a statement that has none. `params`: for the `?` in the query. Raises
    SmartStoreError, duckdb.Error."""
    relation = connection(organization=organization).sql(query, params=params)
    return None if relation is None else Answer(relation)


def show(query: str, *, organization: str = "", params: Any = None) -> Any:
    """The same as a table of Polars or pandas where one is installed, for a notebook to draw; else
    printed here."""
    answer = sql(query, organization=organization, params=params)
    if answer is None:
        return None
    for module, way in (("polars", "pl"), ("pandas", "df")):
        if importlib.util.find_spec(module) and _in_notebook():
            return getattr(answer, way)()
    print_table(answer.to_arrow_table())
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
