"""Which news customers are told of by themselves: an organisation's own settings, kept with its
WhatsApp connection (`settings.notifications`), else what its plain settings say (`order_statuses`,
`order_status_template`: the environment's WHATSAPP_ORDER_STATUSES and WHATSAPP_ORDER_TEMPLATE).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic import ValidationError as Unreadable
from pydantic.alias_generators import to_camel

from connectors.protocol import Connection
from connectors.whatsapp.templates import needed
from schemas.fields import LATTICES

STORED = "notifications"
STATUSES = "order_statuses"
"""What the engine reads: order statuses, and `shipment:<status>`."""
SHIPMENT = "shipment:"
ORDER_TEMPLATE, SHIPMENT_TEMPLATE = "order_status", "shipment_status"
MICRO = Decimal(1_000_000)

Value = Literal["name", "number", "status", "total", "currency", "courier", "tracking"]
Amount = Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,6})?$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Shape(BaseModel):
    """camelCase outside; unknown names are refused."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class Telling(Shape):
    """How one status is told outside the 24-hour window: the template and its values in order."""

    template: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,512}$")] = ORDER_TEMPLATE
    parameters: Annotated[tuple[Value, ...], Field(max_length=10)] | None = None
    """None: those that a template of ours has, else number and status."""

    def values(self) -> tuple[str, ...]:
        """Their names."""
        if self.parameters is not None:
            return self.parameters
        known = needed(self.template)
        return known.parameters if known is not None else ("number", "status")


class QuietHours(Shape):
    """No notification between these times of the shop's day; answers are never held."""

    start: Clock = Field("21:00", alias="from")
    end: Clock = Field("08:00", alias="to")


class Notifications(Shape):
    """What is told, how, and how much of it."""

    orders: dict[str, Telling] = {}
    """Order status to how it is told; a status that is not here is not told."""
    shipments: dict[str, Telling] = {}
    language: Literal["en", "si", "ta"] = "en"
    """Of customers whose language nobody knows."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "LK"
    """Of phone numbers typed without one."""
    time_zone: str = "Asia/Colombo"
    quiet_hours: QuietHours | None = None
    wait_s: Annotated[int, Field(ge=0, le=3600)] = 20
    """News of one order within so many seconds becomes one message, the newest."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "LKR"
    prices: dict[Literal["utility", "marketing", "authentication"], Amount] = {}
    """What Meta charges for one template message, by category."""
    monthly_cap: Amount | None = None
    """Templates that would cost more than this within a month are held."""

    @field_validator("orders", "shipments")
    @classmethod
    def _statuses(cls, given: dict[str, Telling], info: object) -> dict[str, Telling]:
        kind = "order" if getattr(info, "field_name", "") == "orders" else "shipment"
        unknown = sorted(set(given) - set(LATTICES[kind]))
        if unknown:
            raise ValueError(f"{unknown[0]} is no status; use {', '.join(LATTICES[kind])}")
        return given

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        try:
            return ZoneInfo(given).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("a time zone such as Asia/Colombo") from error

    @field_validator("monthly_cap")
    @classmethod
    def _cap(cls, given: str | None, info: object) -> str | None:
        if given is not None and not getattr(info, "data", {}).get("prices"):
            raise ValueError("give prices too: without them nobody knows what a message costs")
        return given

    def told(self) -> str:
        """The statuses for the engine, comma separated."""
        return ",".join((*sorted(self.orders), *(f"{SHIPMENT}{s}" for s in sorted(self.shipments))))

    def telling(self, kind: str, status: str) -> Telling:
        """How it is told; a status that was switched off meanwhile as by default."""
        found = (self.orders if kind == "order" else self.shipments).get(status)
        return found or Telling(template=ORDER_TEMPLATE if kind == "order" else SHIPMENT_TEMPLATE)

    def price(self, category: str) -> int:
        """Of one template message, in millionths of the currency; 0 where none is set."""
        found = {name: price for name, price in self.prices.items() if name == category.lower()}
        return micros(next(iter(found.values()), "0"))

    @property
    def cap(self) -> int | None:
        """In millionths."""
        return None if self.monthly_cap is None else micros(self.monthly_cap)


def micros(amount: str) -> int:
    """Decimal text to millionths: sums in a database must be whole numbers. Raises ValueError."""
    try:
        return int((Decimal(amount) * MICRO).to_integral_value())
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {amount!r}") from error


def amount(value: int) -> str:
    """Millionths to decimal text."""
    text = f"{Decimal(value) / MICRO:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def notifications_of(connection: Connection) -> Notifications:
    """The connection's. What is stored and cannot be read counts as not stored."""
    return _notifications(tuple(sorted(connection.settings.items())))


@lru_cache(maxsize=512)
def _notifications(settings: tuple[tuple[str, str], ...]) -> Notifications:
    given = dict(settings)
    stored = given.get(STORED, "")
    if stored:
        try:
            return Notifications.model_validate_json(stored)
        except Unreadable:
            pass
    return _plain(given)


def _plain(given: Mapping[str, str]) -> Notifications:
    """From the connection's plain settings, as they were before there was a page for it."""
    template = given.get("order_status_template") or ORDER_TEMPLATE
    names = [one.strip() for one in given.get("order_status_parameters", "").split(",")]
    known = tuple(one for one in names if one in get_args(Value))
    order = Telling(template=template, parameters=known or None)
    statuses = [one.strip() for one in given.get(STATUSES, "").split(",")]
    orders = {one: order for one in statuses if one in LATTICES["order"]}
    parcels = {
        name: Telling(template=SHIPMENT_TEMPLATE)
        for one in statuses
        if (name := one.removeprefix(SHIPMENT)) != one and name in LATTICES["shipment"]
    }
    language = given.get("language", "en")
    wait = given.get("notification_wait_s", "")
    return Notifications(
        orders=orders,
        shipments=parcels,
        language=language if language in ("en", "si", "ta") else "en",
        wait_s=min(int(wait), 3600) if wait.isdecimal() else 20,
    )


# Time


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours with their time zone."""

    start: time
    end: time
    zone: ZoneInfo

    def until_ms(self, now_ms: int) -> int | None:
        """The end of the quiet hours that it is in; None outside them."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self.zone)
        clock = now.time()
        if self.start == self.end:
            return None
        overnight = self.start > self.end
        inside = (
            clock >= self.start or clock < self.end if overnight else self.start <= clock < self.end
        )
        if not inside:
            return None
        day = now.date() + timedelta(days=1 if overnight and clock >= self.start else 0)
        end = datetime.combine(day, self.end, self.zone)
        return int(end.timestamp() * 1000)


def quiet_of(settings: Notifications) -> Quiet | None:
    """None where there are none."""
    if settings.quiet_hours is None:
        return None
    hours = settings.quiet_hours
    return Quiet(
        time.fromisoformat(hours.start), time.fromisoformat(hours.end), ZoneInfo(settings.time_zone)
    )


def month_of(now_ms: int, zone: str) -> tuple[str, int]:
    """(`2026-11`, when the next one begins) by the shop's clock."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return f"{now:%Y-%m}", int(following.timestamp() * 1000)
