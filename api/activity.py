"""How busy each platform was within a day: from the history, for the cards of /integrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.database import Database
from streams.history import COLLECTION

HOUR_MS = 3_600_000
HOURS = 24
MOST_MS = 4_000
"""For the whole count."""
TELLING = ("changed", "arrived", "failed", "deleted", "effect", "refused")


@dataclass
class Day:
    """One platform's last 24 hours."""

    last_ms: int = 0
    """Of its newest event; 0: none within the day."""
    arrived: int = 0
    failed: int = 0
    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    """Events by hour, the oldest first."""

    @property
    def total(self) -> int:
        """Events of the day."""
        return sum(self.hours)

    @property
    def success(self) -> float | None:
        """Share of our writes that arrived; None where there were none."""
        tried = self.arrived + self.failed
        return self.arrived / tried if tried else None


async def days_of(database: Database, organization_id: str, now_ms: int) -> Mapping[str, Day]:
    """Replica to its day. Raises PyMongoError."""
    begin_ms = now_ms - HOURS * HOUR_MS
    match = {
        "organizationId": organization_id,
        "atMs": {"$gt": begin_ms},
        "kind": {"$in": list(TELLING)},
    }
    hour = {"$floor": {"$divide": [{"$subtract": ["$atMs", begin_ms]}, HOUR_MS]}}
    told_by = {"$cond": [{"$eq": ["$replica", ""]}, "$source", "$replica"]}
    groups = await database[COLLECTION].aggregate(
        [
            {"$match": match},
            {
                "$group": {
                    "_id": {"replica": told_by, "hour": hour, "kind": "$kind"},
                    "count": {"$sum": 1},
                    "lastMs": {"$max": "$atMs"},
                }
            },
        ],
        maxTimeMS=MOST_MS,
    )
    days: dict[str, Day] = {}
    async for group in groups:
        place = group["_id"]
        day = days.setdefault(str(place.get("replica") or ""), Day())
        day.hours[min(HOURS - 1, max(0, int(place["hour"])))] += group["count"]
        day.last_ms = max(day.last_ms, group["lastMs"])
        if place["kind"] == "arrived":
            day.arrived += group["count"]
        elif place["kind"] == "failed":
            day.failed += group["count"]
    return days


def sparkline(hours: list[int], width: int = 144, height: int = 28) -> list[tuple[int, int, int]]:
    """Bars (x, y, height) of a small picture; an hour with events is never invisible."""
    most, step = max(hours, default=0), width // max(1, len(hours))
    return [
        (place * step, height - tall, tall)
        for place, count in enumerate(hours)
        if (tall := max(2, round(count / most * height)) if count else 0)
    ]
