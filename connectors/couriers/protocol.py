"""What every courier offers: pure pairs of a request made and an answer read.

`client.py` sends what these make. Nothing here does I/O; the clock and our ids arrive as arguments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from connectors.couriers.errors import Unsupported
from connectors.couriers.labels import Label
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.shipment import Shipment
from connectors.errors import Forged
from connectors.http import Reply
from connectors.protocol import Connection

Operation = Literal["track", "create", "cancel", "label", "lookup"]
A = TypeVar("A")
"""A courier's account: its settings, checked."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Everything that may hold a secret is kept out of its text."""

    method: str
    url: str
    query: Mapping[str, str | list[str]] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """What a request needs besides the account."""

    now_ms: int
    message_id: str
    """Ours, 1 to 36 characters: couriers echo it in their logs."""
    token: str = field(default="", repr=False)
    uses: Mapping[str, str] = field(default_factory=dict)
    """Number to the `unique_id` it was known by before, where a courier reuses numbers."""


@dataclass(frozen=True, slots=True)
class Token:
    """Of OAuth or a login."""

    value: str = field(repr=False)
    lifetime_s: float
    kind: str = "bearer"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a connection, as a page or `add_courier` asks for it."""

    name: str
    label: str
    secret: bool = False
    required: bool = True
    default: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a courier may be asked."""

    per_s: float = 5.0
    """Where none is published: five a second for an account."""
    per_day: int | None = None
    """Counted from 24:00 UTC."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a courier can do."""

    operations: frozenset[Operation] = frozenset(("track", "create"))
    track_batch: int = 1
    """Numbers in one question."""
    create_batch: int = 1
    pushes: bool = False
    pace: Pace = field(default_factory=Pace)


class Courier(ABC, Generic[A]):
    """One courier. What it cannot do raises Unsupported."""

    code: str
    name: str
    fields: tuple[Field, ...]
    key_fields: tuple[str, str] = ("", "")
    """The names of the fields that a single key, and its secret, stand for."""

    @abstractmethod
    def account(self, connection: Connection) -> A:
        """The settings, checked. Raises Paused, naming what is missing."""

    @abstractmethod
    def traits(self, account: A) -> Traits:
        """What it can do with this account."""

    @abstractmethod
    def secrets(self, account: A) -> tuple[str, ...]:
        """What must never be seen in a text."""

    def token_scope(self, account: A, operation: Operation) -> str | None:
        """Which token the operation needs; None for none."""
        return None

    def token_request(self, account: A, scope: str) -> Request:
        """Asks for the token of a scope."""
        raise self._cannot("give tokens")

    def token_response(self, account: A, reply: Reply) -> Token:
        """Raises CourierError."""
        raise self._cannot("give tokens")

    def track_request(self, account: A, numbers: Sequence[str], context: Context) -> Request:
        """At most `track_batch` numbers."""
        raise self._cannot("be asked where a shipment is")

    def track_response(
        self, account: A, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        """Raises CourierError where the whole question failed; NotFound where it was about one."""
        raise self._cannot("be asked where a shipment is")

    def create_request(
        self, account: A, shipments: Sequence[Shipment], context: Context
    ) -> Request:
        """At most `create_batch` shipments. Raises InvalidRequest for what it surely refuses."""
        raise self._cannot("create shipments")

    def create_response(self, account: A, shipments: Sequence[Shipment], reply: Reply) -> Creation:
        """Raises CourierError where nothing was created; Unavailable where nobody knows."""
        raise self._cannot("create shipments")

    def lookup_request(self, account: A, reference: str, context: Context) -> Request:
        """Asks which shipments bear our reference."""
        raise self._cannot("look up a reference")

    def lookup_response(self, account: A, reference: str, reply: Reply) -> tuple[str, ...]:
        """Their numbers; empty for none known (yet)."""
        raise self._cannot("look up a reference")

    def cancel_request(self, account: A, created: Created, context: Context) -> Request:
        """Takes a shipment back."""
        raise self._cannot("cancel a shipment")

    def cancel_response(self, account: A, created: Created, reply: Reply) -> None:
        """Returns when it is cancelled; raises CourierError."""
        raise self._cannot("cancel a shipment")

    def label_request(self, account: A, created: Created, context: Context) -> Request:
        """Asks for the label again."""
        raise self._cannot("print a label again")

    def label_response(self, account: A, created: Created, reply: Reply) -> tuple[Label, ...]:
        """Raises CourierError, BadLabel."""
        raise self._cannot("print a label again")

    def verify_push(
        self, account: A, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> None:
        """Raises Forged. Header names are lower case."""
        raise Forged(f"{self.name} sends nothing by itself")

    def parse_push(self, account: A, body: bytes) -> Tracking:
        """What a push says. Raises Malformed."""
        raise self._cannot("send news by itself")

    def handshake(self, account: A, body: bytes) -> Mapping[str, str]:
        """Secrets that a verified push hands over in place of news; empty for news."""
        return {}

    def push_answer(self) -> tuple[int, str]:
        """(status, body) that the courier wants to see."""
        return 200, ""

    def _cannot(self, what: str) -> Unsupported:
        return Unsupported(f"{self.name} cannot {what}")


def missing(connection: Connection, fields: Sequence[Field]) -> list[str]:
    """The labels of required fields that have no value."""
    return [
        one.label
        for one in fields
        if one.required
        and not one.default
        and not (connection.secrets if one.secret else connection.settings).get(one.name)
    ]
