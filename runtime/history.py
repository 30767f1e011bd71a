"""The analyst's way in: `from runtime import history; history.sql("SELECT …").pl()`.

The views and their columns are in docs/analysts.md. What happened in the last minute may not have
been archived yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pymongo.errors import PyMongoError

from runtime.errors import CannotServe
from runtime.here import Here, here
from runtime.past import open_sources
from streams.analysts.tables import connect
from streams.archive.reading import Archive, open_archive

T = TypeVar("T")
TIME_ZONE = "Asia/Colombo"


def sql(query: str, *, organization: str = "", params: Any = None) -> Any:
    """The answer, not yet read: a DuckDB relation with `.arrow()`, `.pl()` (Polars), `.df()`
    (pandas), `.fetchall()`. `params`: for the `?` in the query. Raises SmartStoreError,
    duckdb.Error."""
    return connection(organization=organization).sql(query, params=params)


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
