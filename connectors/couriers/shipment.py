"""A shipment to be created, in one form for every courier. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sends or receives."""

    name: str
    phone: str
    """E.164."""
    line1: str
    city: str
    line2: str = ""
    state: str = ""
    """Province or district, where a courier asks for one."""
    postcode: str = ""
    country: str = "LK"
    """ISO 3166-1, two letters."""
    company: str = ""
    email: str = ""
    phone2: str = ""

    @property
    def business(self) -> str:
        """The company, else the person: most couriers want one."""
        return self.company or self.name

    @property
    def digits(self) -> str:
        """The phone number without its plus."""
        return self.phone.lstrip("+")

    @property
    def lines(self) -> list[str]:
        """The street, as one or two lines."""
        return [line for line in (self.line1, self.line2) if line]

    @property
    def address(self) -> str:
        """In one line, with the city."""
        return ", ".join(part for part in (self.line1, self.line2, self.city) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One box. Lengths in cm."""

    weight_kg: Decimal
    length_cm: Decimal | None = None
    width_cm: Decimal | None = None
    height_cm: Decimal | None = None
    description: str = ""

    @property
    def sized(self) -> bool:
        """All three lengths are known."""
        return None not in (self.length_cm, self.width_cm, self.height_cm)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount; whole numbers are sent without decimals."""

    amount: Decimal
    currency: str
    """ISO 4217."""

    def plain(self) -> str:
        """`4500`, `4500.5`: no exponent, no trailing zeros."""
        text = f"{self.amount:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of what customs asks for."""

    description: str
    quantity: int
    unit_price: Decimal
    weight_kg: Decimal
    net_weight_kg: Decimal | None = None
    hs_code: str = ""
    origin: str = "LK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One order's shipment: one waybill, one or more parcels."""

    reference: str
    """Ours, by which it can be looked up."""
    sender: Party
    receiver: Party
    parcels: tuple[Parcel, ...]
    description: str
    ship_at_ms: int
    due_at_ms: int | None = None
    cod: Money | None = None
    """To be collected at the door."""
    declared: Money | None = None
    """What customs takes it to be worth."""
    items: tuple[Item, ...] = ()
    service: str = ""
    """The courier's own code of a service; empty takes the account's."""
    incoterm: str = "DAP"
    invoice: str = ""
    note: str = ""
    preallocated_number: str = ""
    """Where waybill numbers come from stickers."""
    lookup: Mapping[str, Any] = field(default_factory=dict)
    """Ids a courier has for our names (`city_id`)."""

    @property
    def weight_kg(self) -> Decimal:
        """Of all parcels."""
        return sum((parcel.weight_kg for parcel in self.parcels), Decimal(0))

    @property
    def international(self) -> bool:
        """It crosses a border."""
        return self.sender.country != self.receiver.country
