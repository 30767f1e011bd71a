"""The Faust table `analytics`: rows by key, written and restored as in `streams/kafka/table.py`."""

from __future__ import annotations

from typing import Any

import structlog

from schemas.codec import Undecodable, decode
from schemas.topics import ANALYTICS, FEED
from streams.analytics.facts import Day, Row
from streams.kafka.table import OwnStore, OwnTable, OwnTables

log = structlog.get_logger(__name__)
ROW: Any = Row


class RowStore(OwnStore[Row]):
    """Rows in memory."""

    def restore(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order. What stands further stays: a woken former owner may have
        written behind its successor."""
        if not value:
            self.data.pop(key, None)
            return
        try:
            row = decode(value, ROW)
        except Undecodable as error:
            log.error("analytics row skipped", key=key, reason=str(error))
            return
        held = self.data.get(key)
        if held is None or type(held) is not type(row) or stand(row) >= stand(held):
            self.data[key] = row


def stand(row: Row) -> int:
    """How far along a row is: its entity's version, or the last line counted."""
    return row.upto if isinstance(row, Day) else row.version


class RowTable(OwnTable[Row]):
    """Written by `Aggregator`."""

    store_type = RowStore
    changelog_of = ANALYTICS


class RestoringTables(OwnTables):
    """Restores the rows of assigned partitions before Faust goes on."""

    source = FEED
