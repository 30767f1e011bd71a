"""Every Kafka topic: its key, what it holds, how long it is kept. ARCHITECTURE.md's table and the
topics themselves are made from this list.

Producers of ours choose the partition by `partition_of`, never by a client's default: the outputs
of an entity must land in its own partition number, and CRC-32 costs a hundredth of murmur2 in
Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` is None where the setting KAFKA_PARTITIONS decides."""

    name: str
    key: str
    holds: str
    retention_ms: int | None = 7 * DAY_MS
    compacted: bool = False
    partitions: int | None = None
    max_bytes: int = 1_048_588


INBOUND = Topic(
    "inbound",
    "org/platform/type/external id",
    "raw deliveries: webhook bodies, change events, queueEvent",
    7 * DAY_MS,
)
OBSERVATIONS = Topic("observations", "org/type/id", "Observation, Gone, Edit", 7 * DAY_MS)
OUTCOMES = Topic("outcomes", "org/type/id", "Outcome", 7 * DAY_MS)
RESOLUTIONS = Topic("resolutions", "org/type/id", "Resolution, Resync", 30 * DAY_MS)
ENTITIES = Topic(
    "entities-changelog", "org/type/id", "Record: the Faust table's changelog", None, compacted=True
)
CONTEXTS = Topic(
    "contexts", "org/context/digest", "ContextWire: what rules decisions besides the record", None,
    compacted=True,
)  # fmt: skip
COMMANDS_MONGODB = Topic(
    "commands.mongodb", "org/type/id", "Write, Create, Delete, Read, Claim", DAY_MS
)
COMMANDS_WOOCOMMERCE = Topic(
    "commands.woocommerce", "org/type/id", "Write, Create, Delete, Read, Claim", DAY_MS
)
COMMANDS_WHATSAPP = Topic(
    "commands.whatsapp", "org/type/id", "Write, Create, Delete, Read, Perform, Claim", DAY_MS
)
FEED = Topic("feed", "org", "FeedLine", 7 * DAY_MS)
CONFLICTS = Topic("conflicts", "org/type/id/field", "ConflictLine", None, compacted=True)
ANALYTICS = Topic(
    "analytics-changelog", "org/kind/id", "figures: the Faust table's changelog", None,
    compacted=True,
)  # fmt: skip
DEADLETTER = Topic("deadletter", "org", "DeadLetter", 90 * DAY_MS)

TOPICS: tuple[Topic, ...] = (
    INBOUND,
    OBSERVATIONS,
    OUTCOMES,
    RESOLUTIONS,
    ENTITIES,
    CONTEXTS,
    COMMANDS_MONGODB,
    COMMANDS_WOOCOMMERCE,
    COMMANDS_WHATSAPP,
    FEED,
    CONFLICTS,
    ANALYTICS,
    DEADLETTER,
)

COMMANDS = {
    "mongodb": COMMANDS_MONGODB,
    "woocommerce": COMMANDS_WOOCOMMERCE,
    "whatsapp": COMMANDS_WHATSAPP,
}


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, the same for every producer of ours."""
    return crc32(key) % partitions


def topic_table() -> str:
    """The topics as a Markdown table, for ARCHITECTURE.md."""
    rows = ["| topic | key | holds | kept |", "|---|---|---|---|"]
    for topic in TOPICS:
        if topic.compacted:
            kept = "newest of each key"
        else:
            kept = f"{(topic.retention_ms or 0) // DAY_MS} days"
        rows.append(f"| `{topic.name}` | `{topic.key}` | {topic.holds} | {kept} |")
    return "\n".join(rows)
