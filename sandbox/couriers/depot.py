"""One courier's account: what it carries, what it allows, what it does wrong on request."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Faults

Record = dict[str, Any]

STAGES = (
    "created", "picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "returned",
    "cancelled", "info", "unlisted",
)  # fmt: skip
JOURNEY = STAGES[:5]
"""What `advance` goes through, one stage at a time."""
DAY_S = 86_400


@dataclass
class Settings:
    """Credentials and limits. Whatever is sent must match what is here."""

    username: str = "sandbox-user"
    password: str = "sandbox-password"  # noqa: S105 - a stand-in has no secrets
    api_key: str = "sandbox-key"
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - a stand-in has no secrets
    ship_client_id: str = ""
    """FedEx's second project; empty takes the first pair for both."""
    ship_client_secret: str = ""
    account_number: str = "A1"
    account_pin: str = "sandbox-pin"
    tenant: str = "royalexpress"
    token_lifetime_s: float = 3599.0
    per_s: float | None = None
    """Calls a second; null: the courier's own limit, 0: none."""
    per_day: int | None = None
    """Calls between two midnights in UTC; null: the courier's own limit, 0: none."""
    empty_events: bool = False
    """Known shipments are told without any event."""
    null_descriptions: bool = False
    label_fails: bool = False
    """Creation succeeds with a label that does not decode."""


@dataclass(slots=True)
class Scan:
    """One event."""

    stage: str
    at: float
    place: str = "Colombo"
    country: str = "LK"
    offset_min: int = 330
    text: str = ""
    """In place of the courier's own words."""
    code: str = ""

    def local(self) -> datetime:
        """On the clock of the place."""
        return datetime.fromtimestamp(self.at, timezone(timedelta(minutes=self.offset_min)))

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


@dataclass
class Consignment:
    """One shipment."""

    number: str
    reference: str
    created_at: float
    pieces: list[str] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    details: Record = field(default_factory=dict)
    """The courier's own request, for whoever wants to check it."""

    @property
    def stage(self) -> str:
        """How far it is, by its newest scan on the journey."""
        for scan in self.newest_first():
            if scan.stage not in ("info", "unlisted"):
                return scan.stage
        return ""

    def newest_first(self) -> list[Scan]:
        """Of two in one instant, the one that came later is the newer."""
        return sorted(reversed(self.scans), key=lambda one: one.at, reverse=True)


@dataclass
class Depot:
    """One account of one courier."""

    name: str
    kind: str
    settings: Settings
    clock: Clock
    consignments: dict[str, Consignment] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Token to (scope, end)."""
    calls: list[Record] = field(default_factory=list)
    """Every call, limits and faults included: `at, method, path, status`."""
    _second: deque[float] = field(default_factory=deque)
    _day: tuple[int, int] = (0, 0)
    _numbers: int = 0

    def refuses(self, per_s: float | None, per_day: int | None) -> bool:
        """Counts a call; true where it is one too many. The arguments are the courier's own
        limits."""
        settings, now = self.settings, self.clock.now()
        limit = per_s if settings.per_s is None else settings.per_s
        quota = per_day if settings.per_day is None else settings.per_day
        while self._second and self._second[0] <= now - 1:
            self._second.popleft()
        if limit and len(self._second) >= limit:
            return True
        today = int(now // DAY_S)
        used = self._day[1] if self._day[0] == today else 0
        if quota and used >= quota:
            return True
        self._day = (today, used + 1)
        self._second.append(now)
        return False

    def next_number(self, form: str) -> str:
        """`form` is a format of one counter."""
        self._numbers += 1
        return form.format(self._numbers)

    def add(self, consignment: Consignment) -> Consignment:
        """Takes it, with its first scan."""
        if not consignment.scans:
            consignment.scans.append(Scan("created", self.clock.now()))
        self.consignments[consignment.number] = consignment
        return consignment

    def found(self, asked: str) -> Consignment | None:
        """By its number or that of a piece."""
        held = self.consignments.get(asked)
        if held is not None:
            return held
        return next((one for one in self.consignments.values() if asked in one.pieces), None)

    def by_reference(self, reference: str) -> Iterator[Consignment]:
        """All that bear it: a repeated creation is there twice."""
        return (one for one in self.consignments.values() if one.reference == reference)

    def scans(self, consignment: Consignment) -> list[Scan]:
        """Newest first; none where it is told to keep them."""
        return [] if self.settings.empty_events else consignment.newest_first()

    def said(self, text: str) -> str | None:
        """A description, or null where it is told to keep it."""
        return None if self.settings.null_descriptions else text

    def token(self, scope: str, value: str) -> str:
        self.tokens[value] = (scope, self.clock.now() + self.settings.token_lifetime_s)
        return value

    def valid(self, authorization: str, scope: str) -> bool:
        """A bearer token of this scope that has not ended."""
        held = self.tokens.get(authorization.removeprefix("Bearer "))
        return held is not None and held[0] in (scope, "all") and self.clock.now() < held[1]


def advanced(consignment: Consignment) -> str:
    """The stage after the one it is in."""
    stage = consignment.stage
    if stage not in JOURNEY or stage == JOURNEY[-1]:
        return "delivered" if stage == "failed" else ""
    return JOURNEY[JOURNEY.index(stage) + 1]
