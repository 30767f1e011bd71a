"""What rules a decision besides the record: an organisation's connections and policies, as
values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.protocol import Profile, TypeProfile
from schemas.context import ContextWire
from schemas.policy import Policies

NOTHING = TypeProfile()


@dataclass(frozen=True)
class Timing:
    """Milliseconds. Overdue writes double up to the longest wait."""

    overdue_ms: int = 15_000
    longest_ms: int = 120_000
    reading_ms: int = 5_000
    edit_memory_ms: int = 7 * 86_400_000
    announce_ms: int = 3_600_000
    """An order older than this when first seen is history, not news: no message for it."""


@dataclass(frozen=True)
class Context:
    """An organisation as `decide` sees it."""

    profiles: Mapping[str, Profile]
    """Replica name to what it can hold."""
    writable: frozenset[str] = frozenset()
    """Replicas that may be written: active, and confirmed by a person."""
    policies: Policies = field(default_factory=Policies)
    epoch: int = 0
    """Of the owner of the entity's partition."""
    announced: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Replica that can message a customer to the order statuses it announces."""
    first_sync: Mapping[str, str] = field(default_factory=dict)
    """Replica to who wins at first sight: `newest`, `ask`, or a replica's name."""
    braked: frozenset[tuple[str, str]] = frozenset()
    """(replica, kind) of the brakes that are on."""
    lags: Mapping[str, int] = field(default_factory=dict)
    """Replica to the least delay in ms between its clock and our receipt (rule 12)."""
    timing: Timing = field(default_factory=Timing)
    digest: str = ""
    """Names what it was made from."""
    made_from: ContextWire | None = None

    def type_profile(self, replica: str, entity_type: str) -> TypeProfile:
        """What this replica can do with this type; an unknown replica, or type, can do nothing."""
        profile = self.profiles.get(replica)
        return NOTHING if profile is None else profile.types.get(entity_type, NOTHING)
