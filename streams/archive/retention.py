"""Pure: how long what is kept. `400,inbound=90,kandy/feed=30,kandy=60`: days, by topic and by
organisation; the most exact entry counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.topics import DAY_MS
from streams.archive.manifest import ArchiveFile


class RetentionInvalid(ValueError):
    """SMARTSTORE_ARCHIVE_DAYS is not understood. The text says what would be."""


@dataclass(frozen=True)
class Retention:
    """Days; 0 for ever."""

    days: float = 0.0
    by: Mapping[str, float] = field(default_factory=dict)
    """`organisation/topic`, a topic or an organisation to days."""

    def days_of(self, organization: str, topic: str) -> float:
        """What counts for one organisation's topic."""
        for name in (f"{organization}/{topic}", topic, organization):
            if name in self.by:
                return self.by[name]
        return self.days


def retention_of(text: str) -> Retention:
    """From its setting. Raises RetentionInvalid."""
    days, by = 0.0, {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.rpartition("=")
        try:
            found = float(number)
        except ValueError:
            found = -1.0
        if found < 0:
            raise RetentionInvalid(
                f"SMARTSTORE_ARCHIVE_DAYS: {part!r} is no number of days; use 400,inbound=90"
            )
        if name:
            by[name] = found
        else:
            days = found
    return Retention(days, by)


def expired(files: Sequence[ArchiveFile], retention: Retention, now_ms: int) -> list[ArchiveFile]:
    """Files all of whose rows are older than is to be kept."""
    found = []
    for one in files:
        days = retention.days_of(one.organization, one.topic)
        if days and one.to_ms < now_ms - days * DAY_MS:
            found.append(one)
    return found
