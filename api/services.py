"""What a request may use. Built once by the lifespan of `api.main`, and from fakes in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from redis.asyncio import Redis

from api.batches import Batches
from api.checks import Checks
from api.conflicts import Conflicts
from api.currencies import Currencies
from api.feed import Feed
from api.forcing import Forcing
from api.login import Sessions
from api.policies import PolicyDesk
from api.ratelimit import RateLimits
from api.servers import Servers
from api.settings import ApiSettings
from api.status import StatusBoard
from api.tokens import Tickets
from schemas.clock import unix_ms
from schemas.settings import Endpoints
from streams.alerts.settings import AlertEnvironment
from streams.archive.joined import Sources
from streams.couriers.lines import CourierLines
from streams.database import Database
from streams.directory import Directory
from streams.kafka import Outgoing
from streams.kafka.records import Publishes
from streams.people import People
from streams.pulse import Pulse

if TYPE_CHECKING:
    from api.audit import Audit  # it needs to know the caller, who is found with these


class Accepts(Protocol):
    """`streams.intake.Intake`: Kafka with acks, else MongoDB's inbox, else Unavailable."""

    async def accept(self, delivery: Outgoing) -> object:
        """Returns once something durable has it."""
        ...


@dataclass(frozen=True)
class Services:
    """One process's connections and caches."""

    endpoints: Endpoints
    settings: ApiSettings
    database: Database
    cache: Redis
    directory: Directory
    publisher: Publishes
    intake: Accepts
    feed: Feed
    status: StatusBoard
    tickets: Tickets
    sessions: Sessions
    people: People
    audit: Audit
    conflicts: Conflicts
    batches: Batches
    policies: PolicyDesk
    forcing: Forcing
    checks: Checks
    servers: Servers = field(default_factory=Servers)
    history: Sources | None = None
    """The archive joined with Kafka; None: not set up (tests)."""
    pulse: Pulse = field(default_factory=Pulse)
    couriers: CourierLines = field(default_factory=CourierLines)
    currencies: Currencies = field(default_factory=Currencies)
    alerts: AlertEnvironment = field(default_factory=AlertEnvironment.model_construct)
    """How e-mail leaves; by default it does not."""
    greeting: set[object] = field(default_factory=set)
    """WebSockets that have not said yet who they are."""
    limits: RateLimits = field(default_factory=RateLimits)
    clock_ms: Callable[[], int] = field(default=unix_ms)
    started_at_s: float = field(default_factory=time.monotonic)
