"""What couriers tell, in one form. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from connectors.couriers.errors import CourierError
from connectors.couriers.labels import Label
from connectors.couriers.status import RANKS, STATUS_TEXT, Status
from connectors.couriers.times import utc


@dataclass(frozen=True, slots=True)
class Event:
    """One scan. A poll repeats them all: the same `key` is the same event."""

    courier: str
    number: str
    at_ms: int | None
    """UTC; None where the courier's time could not be read."""
    code: str
    text: str
    """The carrier's own words."""
    location: str = ""
    status: Status | None = None
    """None: the code is not listed, or `info`."""
    info: bool = False
    """A listed code that never changes the status."""
    reason: str = ""
    """Of an exception."""
    note: str = ""
    offset_min: int | None = None
    """East of UTC, as sent or assumed."""
    tz_assumed: bool = False
    """No offset was sent: the account's zone was taken."""

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """(courier, number, instant, code, location)"""
        return (self.courier, self.number, self.at_ms or 0, self.code or self.text, self.location)

    @property
    def unlisted(self) -> bool:
        """Nobody knows yet what it means: to be listed for attention."""
        return self.status is None and not self.info

    def local_time(self) -> str | None:
        """RFC 3339 with the offset it came with."""
        if self.at_ms is None:
            return None
        place = timezone(timedelta(minutes=self.offset_min or 0))
        return datetime.fromtimestamp(self.at_ms / 1000, place).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Notice:
    """A courier's warning beside a success."""

    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One shipment as its courier tells it now. `events` are oldest first."""

    courier: str
    number: str
    status: Status | None
    events: tuple[Event, ...] = ()
    asked: str = ""
    """What was asked for where it is not the number itself (a reference)."""
    pieces: tuple[str, ...] = ()
    service: str = ""
    estimated: str | None = None
    """RFC 3339 in UTC, or a date alone where no time is told."""
    signed_by: str = ""
    references: tuple[str, ...] = ()
    weight_kg: str | None = None
    unique_id: str = ""
    """FedEx: which of several uses of one number this is."""
    notices: tuple[Notice, ...] = ()

    @property
    def latest(self) -> Event | None:
        """The newest event, whether it changes the status or not."""
        return self.events[-1] if self.events else None

    @property
    def status_changed_at_ms(self) -> int | None:
        """Since when the status is what it is, as far as the events tell."""
        since = None
        for event in reversed(self.events):
            if event.status is None:
                continue
            if event.status != self.status:
                break
            since = event.at_ms
        return since

    def answer(self) -> dict[str, Any]:
        """As the product's users know it: `status` in words, `statusCode` beside it."""
        latest = self.latest
        return {
            "trackingNumber": self.number,
            "courierCode": self.courier,
            "status": STATUS_TEXT[self.status],
            "statusCode": self.status,
            "location": latest.location if latest else "",
            "timestamp": _utc(latest.at_ms) if latest else None,
            "description": (latest.text or latest.note) if latest else "",
            "estimatedDelivery": self.estimated,
            "events": [event_answer(event) for event in reversed(self.events)],
        }


def event_answer(event: Event) -> dict[str, Any]:
    """One event of `Tracked.answer`; the newest comes first there."""
    return {
        "timestamp": _utc(event.at_ms),
        "localTime": event.local_time(),
        "timeZoneAssumed": event.tz_assumed,
        "status": STATUS_TEXT[event.status] if event.status else event.text,
        "statusCode": event.status,
        "code": event.code,
        "description": event.text,
        "location": event.location,
        "reason": event.reason,
        "note": event.note,
    }


@dataclass(frozen=True, slots=True)
class Tracking:
    """The answer to one question about several numbers: some found, some not."""

    found: tuple[Tracked, ...] = ()
    not_found: tuple[str, ...] = ()
    failed: tuple[CourierError, ...] = ()
    """Each with the `number` it is about."""
    hints: tuple[str, ...] = ()
    """Of a push: numbers with news that it does not tell in our words. Ask for them."""

    def __add__(self, other: Tracking) -> Tracking:
        return Tracking(
            self.found + other.found,
            self.not_found + other.not_found,
            self.failed + other.failed,
            self.hints + other.hints,
        )


@dataclass(frozen=True, slots=True)
class Created:
    """A shipment that exists at its courier."""

    courier: str
    number: str
    reference: str
    pieces: tuple[str, ...] = ()
    """One number a parcel, where each has its own."""
    labels: tuple[Label, ...] = ()
    label_url: str = ""
    """Expires: download at once."""
    other: tuple[Label, ...] = ()
    """Invoices and waybill documents."""
    notices: tuple[Notice, ...] = ()
    ids: dict[str, str] = field(default_factory=dict)
    """Further ids that a label or a cancellation needs (`courier_order_id`)."""


@dataclass(frozen=True, slots=True)
class Creation:
    """The answer to one request for several shipments."""

    created: tuple[Created, ...] = ()
    refused: tuple[CourierError, ...] = ()
    """Each with the `reference` it is about."""
    unknown: tuple[str, ...] = ()
    """References of which the answer says nothing: look them up."""


def _utc(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc(at_ms)


def current(events: Iterable[Event]) -> Event | None:
    """The event that says what the status is: the latest instant, never the place in a list. Of
    two in one instant the further one."""
    telling = [event for event in events if event.status is not None]
    return max(telling, key=_age, default=None)


def _age(event: Event) -> tuple[int, int, str]:
    return (event.at_ms or 0, RANKS[event.status] if event.status else -1, event.code)


def merged(known: Sequence[Event], told: Sequence[Event]) -> tuple[Event, ...]:
    """Replaces by key and adds, oldest first: repeats and late arrivals change nothing else."""
    by_key = {event.key: event for event in (*known, *told)}
    return tuple(sorted(by_key.values(), key=lambda event: (_age(event), event.key)))


def tracked(
    courier: str, number: str, events: Sequence[Event], summary: Status | None = None, **more: Any
) -> Tracked:
    """`summary` is the courier's own word on where it stands; without one the events decide."""
    ordered = merged((), events)
    telling = current(ordered)
    status = summary or (telling.status if telling else None)
    return Tracked(courier, number, status, ordered, **more)
