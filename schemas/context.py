"""What ruled decisions besides the record, kept so that each can be made again: topic `contexts`,
and the header `decided` of records in `entities-changelog`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.base import Wire, entity_key
from schemas.codec import decode, encode
from schemas.policy import Policies

DECIDED = "decided"
"""Name of the header."""


class Connected(Wire, frozen=True, kw_only=True):
    """One connection as it was, without its secrets."""

    replica: str
    platform: str
    settings: dict[str, str] = {}
    capabilities: dict[str, str] = {}
    active: bool = True
    confirmed: bool = True
    first_sync: str = "newest"


class ContextWire(Wire, frozen=True, kw_only=True):
    """What an organisation's `Context` is made from. Told once, before the first decision that it
    ruled; its key is `org/context/digest`."""

    organization_id: str
    connections: tuple[Connected, ...] = ()
    policies: Policies = Policies()

    @property
    def digest(self) -> str:
        """Names its content: 16 hexadecimal digits."""
        return hashlib.sha256(encode(self)).hexdigest()[:16]

    @property
    def key(self) -> bytes:
        """Its Kafka key."""
        return entity_key(self.organization_id, "context", self.digest)


class Step(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Arrivals of one entity that were decided on one after the other in like circumstances."""

    topic: str = ""
    """Whose offsets these are; empty: the timer."""
    first: int = 0
    last: int = 0
    """Of all records of the entity's key in [first, last] of its partition."""
    lags: dict[str, int] = {}
    """Of the replica that was heard, where one is known (`Context.lags`)."""
    braked: tuple[tuple[str, str], ...] = ()
    """(replica, kind) of the brakes that were on."""
    recall: dict[str, Any] | None = None
    """A brake that went on put this in question (`Alarm`)."""

    def follows(self, other: Step) -> bool:
        """Whether both may be told as one."""
        return (
            self.topic == other.topic != ""
            and self.first > other.last
            and self.lags == other.lags
            and self.braked == other.braked
        )


class Decided(Wire, frozen=True, kw_only=True):
    """How a record came from the one before it: header `decided`."""

    at_ms: int
    """`now` of every step."""
    code: str
    """Digest of the source that decided."""
    context: str = ""
    """Digest of the `ContextWire`; empty: unknown."""
    policy_version: int = 0
    steps: tuple[Step, ...]


def decided_of(headers: Any) -> Decided | None:
    """From a record's headers (pairs, or a mapping); None where it tells none. Raises
    Undecodable."""
    found = dict(headers or ()).get(DECIDED)
    return None if found is None else decode(found, Decided)
