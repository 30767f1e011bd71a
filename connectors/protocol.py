"""What every connector offers: verify, parse, build, interpret, and what its platform can hold.

Pure parts (`profile`, `parse`) take values and return values. The client is the only I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol, runtime_checkable

from schemas.base import Fields
from schemas.command import Create, Delete, Perform, Read, Write
from schemas.observation import Seen
from schemas.outcome import Result

Network = IPv4Network | IPv6Network
StateCommand = Write | Create | Delete | Read
Normal = Callable[[str, Any], Any]
"""(canonical field, canonical value) -> the canonical value read back after writing it."""


def unchanged(_field: str, value: Any) -> Any:
    """The normal form of a platform that stores what it is given."""
    return value


@dataclass(frozen=True)
class TypeProfile:
    """What a platform can do with one entity type (DESIGN: rule 10)."""

    readable: frozenset[str] = frozenset()
    """Fields whose observed value may be an edit made there."""
    writable: frozenset[str] = frozenset()
    """Fields we may owe it."""
    initial: frozenset[str] = frozenset()
    """Fields given when it is created there and never owed afterwards (an order's lines, pictures):
    `Create.want` may hold `writable | initial`."""
    creates: bool = False
    """An entity it lacks is created there."""
    deletes: bool = False
    """An entity deleted elsewhere is deleted there."""
    required: frozenset[str] = frozenset()
    """Fields that must have a value before it is created there."""
    normal: Normal = unchanged


@dataclass(frozen=True)
class Profile:
    """What a platform is, for the pure engine."""

    platform: str
    types: Mapping[str, TypeProfile]
    compares: bool = True
    """Writes are compare-and-set under a lock. False: read, compare, write (an unanswered write is
    read before it is sent again)."""
    reads: bool = True
    """Can be read by id. False for a catalogue that is only written."""


@dataclass(frozen=True)
class Connection:
    """One organisation's account at one platform, secrets decrypted, in memory only."""

    id: str
    organization_id: str
    platform: str
    replica: str
    """Its name in records: the platform's, with `:n` for a second account of the same kind."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Not secret: `site_url`, `phone_number_id`, `catalog_id`, `currency`, ..."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets that were replaced within a day: what is signed with them counts still."""
    active: bool = True
    """False: observed but never written (paused)."""
    confirmed: bool = True
    """False: new. Nothing of it enters the engine, and nothing is written, before a person has seen
    the preview and chosen who wins."""
    first_sync: str = "newest"
    """Who wins where an item differs at first sight: `newest`, `ask`, or a replica's name."""
    networks: tuple[Network, ...] | None = None
    """Only public addresses, and these private networks, are called. None: any, for trials."""

    @property
    def place(self) -> str:
        """`_id` of what is kept of a connection beside it."""
        return f"{self.organization_id}/{self.replica}"


@dataclass(frozen=True)
class Sighting:
    """One entity as found in a delivery, before its identity is known."""

    type: str
    external_id: str
    seen: Seen | None
    """None: a notice of deletion, or a body that cannot be trusted; read it by id."""
    match_keys: tuple[str, ...] = ()
    """`sku:TEA-400`, `phone:+9477...`, `email:a@b.lk`: what may join it to an entity of ours."""
    item_of: str | None = None
    """For inventory: the external id of the product or variation whose identity it shares."""
    parent: str | None = None
    """For a variation: the external id of its product."""


@dataclass(frozen=True)
class StockTaken:
    """An order on a platform that keeps no stock: becomes a stock edit with the order's id."""

    order_external_id: str
    sku: str
    quantity: int


@dataclass(frozen=True)
class EffectSettled:
    """Evidence of what became of an effect (a status webhook with our callback data)."""

    effect_key: str
    vendor_id: str
    status: str
    reason: str = ""
    """Begins with the platform's own code, where it gave one: `131047: Re-engagement message`."""
    category: str = ""
    """What it is charged as, where the platform says so (`utility`, `marketing`, ...)."""
    billable: bool | None = None


@dataclass(frozen=True)
class Notice:
    """News of the account itself, of no entity of ours."""

    id: str
    """The same for the same news."""
    field: str
    """The platform's own word for its kind."""
    value: Mapping[str, Any]
    at_ms: int | None = None
    trouble: str = ""
    """Why nobody can do anything with it; it is kept all the same."""


@dataclass(frozen=True)
class Parsed:
    """Everything one raw delivery says."""

    sightings: tuple[Sighting, ...] = ()
    stock_taken: tuple[StockTaken, ...] = ()
    settled: tuple[EffectSettled, ...] = ()
    notices: tuple[Notice, ...] = ()
    told: tuple[object, ...] = ()
    """For the platform's own part of the product, which merges it with what it knows (a courier's
    push: `Tracking`)."""
    ignored: str = ""
    """Why there is nothing in it (a ping, a field we do not follow); empty otherwise."""


@dataclass(frozen=True)
class Answer:
    """What the platform said to one command; the sink turns it into an outcome."""

    result: Result
    seen: Seen | None = None
    external_id: str | None = None
    reason: str = ""
    retry_after_s: float | None = None
    code: int | None = None
    """The platform's own error code, where it gave one."""


class Links(Protocol):
    """Identity, as a connector's client may ask for it (an order's lines name products)."""

    async def external_id(
        self, organization_id: str, replica: str, entity_type: str, entity_id: str
    ) -> str | None:
        """The platform's id of our entity, or None."""
        ...


@dataclass(frozen=True)
class Listed:
    """One item of a listing, as a delivery: what `parse` understands under `topic`."""

    external_id: str
    topic: str
    body: bytes


@dataclass(frozen=True)
class Page:
    """A part of everything a platform holds of one type."""

    items: tuple[Listed, ...]
    next: str = ""
    """Cursor of the following page; empty at the end."""
    total: int | None = None
    """Of all pages, where the platform tells."""


@runtime_checkable
class Lists(Protocol):
    """A client that can tell everything it holds. Errors: Retry, Paused, Rejected."""

    async def page(
        self, entity_type: str, cursor: str = "", *, since_ms: int | None = None, limit: int = 100
    ) -> Page:
        """Items of this type in a stable order, from the cursor on; with `since_ms` only those
        changed since, the window widened by what the platform's clock needs."""
        ...

    async def digest(
        self, entity_type: str, external_ids: Sequence[str], *, each: bool = False
    ) -> Mapping[str, str] | None:
        """Digests of at most 500 items computed anew by the platform: `{"": digest of all}`, or
        with `each` external id to etag (missing items are not in it). None where it makes none."""
        ...


@dataclass(frozen=True)
class Ids:
    """A part of the ids of everything a platform holds of one type."""

    ids: tuple[str, ...]
    next: str = ""
    """Cursor of the following part; empty at the end."""
    total: int = 0
    """Of all parts."""


def digest_of(etags: Mapping[str, str]) -> str:
    """What `Lists.digest` answers for items with these etags, in this order (an empty one: the item
    is not there): SHA-256 over their lines `id:etag`."""
    lines = "".join(f"{name}:{etag or '-'}\n" for name, etag in etags.items())
    return sha256(lines.encode()).hexdigest()


@runtime_checkable
class Sweeps(Lists, Protocol):
    """A client whose platform can be compared with what is believed of it."""

    async def ids(self, entity_type: str, cursor: str = "", *, limit: int = 500) -> Ids | None:
        """Ids alone, in a stable order. None where the platform tells none without the items."""
        ...

    async def read(self, entity_type: str, external_ids: Sequence[str]) -> tuple[Listed, ...]:
        """These items as they are now; those that are not there are left out."""
        ...


@dataclass(frozen=True)
class Finding:
    """One step of looking whether a connection works."""

    name: str
    ok: bool
    found: str
    """What was seen, in words."""
    fix: str = ""
    """What helps; empty where nothing has to be done."""
    duration_ms: float = 0.0


@runtime_checkable
class Examines(Protocol):
    """A client that can say what works and what does not. Never raises for what it finds."""

    async def examine(self) -> list[Finding]:
        """Step by step, up to the first without which the others mean nothing."""
        ...


@dataclass(frozen=True)
class Subscription:
    """What a platform will tell us of by itself."""

    hooks: Mapping[str, str] = field(default_factory=dict)
    """Topic to what must be remembered of it, in the platform's own words."""
    mended: tuple[str, ...] = ()
    """What was wrong, in words."""
    missed: bool = False
    """Deliveries may be missing since we last heard."""
    refused: str = ""
    """Why it does not stand as it was asked for; empty where it does."""


@runtime_checkable
class Subscribes(Protocol):
    """A client whose platform sends deliveries once it is told where to. Errors: Retry, Unknown,
    Refused."""

    async def subscribe(
        self, url: str, secret: str, known: Mapping[str, str], *, quiet: bool = False
    ) -> Subscription:
        """Make it tell us, or mend how it does; `known` is what `hooks` was. `quiet`: something
        else tells us already, so all is prepared and paused."""
        ...

    async def unsubscribe(self, url: str, known: Mapping[str, str]) -> int:
        """Take all of it away; how many there were."""
        ...


class Client(Protocol):
    """A connection's I/O. One per connection, kept open."""

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """Answers in the order of the commands, at most one command an entity. Never raises for a
        single command; raises Retry or Paused when the whole platform is out of reach."""
        ...

    async def perform(self, command: Perform) -> Answer:
        """Do an effect once. `unknown` when it may have happened."""
        ...

    async def probe(self) -> str:
        """A cheap authenticated call; what was found, in words. Raises ConnectorError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Connector(Protocol):
    """One platform."""

    platform: str

    def profile(self, connection: Connection, capabilities: Mapping[str, str]) -> Profile:
        """What it can hold; `capabilities` is what `capabilities()` once found. Pure."""
        ...

    def verify(
        self, connection: Connection, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> None:
        """Raises Forged. Header names are lower case. Pure."""
        ...

    def parse(
        self,
        connection: Connection,
        topic: str,
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> Parsed:
        """What a raw delivery says. Raises Malformed. Pure."""
        ...

    def client(self, connection: Connection) -> Client:
        """The I/O of one connection."""
        ...

    async def capabilities(self, connection: Connection) -> Mapping[str, str]:
        """What this very shop supports (`plugin: 1.0.0`); kept with the connection."""
        ...


__all__ = [
    "Answer",
    "Client",
    "Connection",
    "Connector",
    "EffectSettled",
    "Examines",
    "Fields",
    "Finding",
    "Ids",
    "Links",
    "Listed",
    "Lists",
    "Normal",
    "Notice",
    "Page",
    "Parsed",
    "Profile",
    "Sighting",
    "StateCommand",
    "StockTaken",
    "Subscribes",
    "Subscription",
    "Sweeps",
    "TypeProfile",
    "digest_of",
]
