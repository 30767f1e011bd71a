"""The archive's bench runs to its end, and its three ways of keeping history find the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.archive import COLUMNS, ENTITIES, measure
from benchmarks.report import Report
from streams.database import Database

pytestmark = pytest.mark.servers

EVENTS = ENTITIES // 3 + 2
"""The entity that is looked for is among them, once."""


async def test_it_measures(servers: Mapping[str, str], fresh: Database, tmp_path: Path) -> None:
    head, _, options = servers["DATABASE_URL"].partition("?")
    environment = {
        **servers,
        "DATABASE_URL": f"{head.rpartition('/')[0]}/{fresh.name}?{options}",
        "KAFKA_TOPIC_PREFIX": f"{fresh.name}.",
        "KAFKA_PARTITIONS": "2",
    }
    report = Report("archive", COLUMNS)
    await measure(report, environment, tmp_path, 1, EVENTS)
    assert [row["what"] for row in report.rows] == [
        "bytes an event", "one entity's history, s", "count by day and kind, s",
    ]  # fmt: skip
    assert report.figures["events"] == EVENTS
    assert 0 < report.figures["entity_history_s"] < 10
