"""Pure: how long what is kept. `400,inbound=90,kandy/feed=30,kandy=60`: days, by topic and by
organisation; the most exact entry counts.

Of a topic that holds the newest of each key, what is older than is to be kept shrinks to just that:
a snapshot, so that what is kept still begins with everything there was then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.archive import ArchivedEvent
from schemas.topics import DAY_MS, TOPICS
from streams.archive.manifest import ArchiveFile
from streams.sync.record import CLAIM_KEY_PREFIX
from streams.timetravel import Fold

SNAPSHOT = 2
"""The level of a file that is all that is left of the time before."""
COMPACTED = frozenset(topic.name for topic in TOPICS if topic.compacted)


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


def newest(events: Iterable[ArchivedEvent]) -> list[ArchivedEvent]:
    """Of each key what stands at the end, and its last record where that is another: a woken former
    owner's, which counts once nothing else is left. Claims are all kept; they fence."""
    fold, last, claims = Fold(), dict[bytes, ArchivedEvent](), []
    for event in sorted(events, key=lambda one: (one.log, one.partition, one.offset)):
        if event.key.startswith(CLAIM_KEY_PREFIX):
            claims.append(event)
        else:
            last[event.key] = event
        fold.take(event)
    kept = [event for event in last.values() if event.body]
    stands = {version.event.place: version.event for version in fold.held.values()}
    kept += [event for place, event in stands.items() if last[event.key].place != place]
    return [*claims, *kept]
