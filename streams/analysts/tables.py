"""A DuckDB connection on one organisation's history. Reads only, in memory, without network."""

from __future__ import annotations

from typing import Any

import duckdb

from schemas.archive import EVENT_SCHEMA
from streams.analysts.views import MACROS, RAW, VIEWS
from streams.archive.reading import Archive


def connect(archive: Archive, organization_id: str, time_zone: str = "UTC") -> Any:
    """A connection with the views of `views.py`. Files are read when a query needs them, and only
    the row groups and columns that it needs. Raises OSError, duckdb.Error."""
    files = archive.files(organization=organization_id)
    events: Any = archive.dataset(files) if files else EVENT_SCHEMA.empty_table()
    return opened(events, time_zone)


def opened(events: Any, time_zone: str) -> Any:
    """The same on any table or dataset with the archive's columns."""
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET TimeZone = ?", [time_zone])
    connection.register(RAW, events)
    for macro in MACROS:
        connection.execute(macro)
    for name, view in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {view.sql}")
    return connection
