"""A shipment as people and programs ask for it: pydantic, for its errors. Pure.

{"pickupAddress": {...}, "deliveryAddress": {...}, "package": {"weight": 2.5, ...},
 "orderId": "ORD-123", "organizationId": "org"}
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from connectors.couriers.shipment import Item, Money, Parcel, Party, Shipment
from schemas.phone import e164_of

KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "lb": Decimal("0.45359237")}
CENTIMETRES = {"cm": Decimal(1), "mm": Decimal("0.1"), "in": Decimal("2.54")}
GRAM = Decimal("0.001")
MAX_PARCELS = 50
_LK_POSTCODE = re.compile(r"\d{5}")

Positive = Annotated[Decimal, Field(gt=0, le=100_000)]
Text = Annotated[str, Field(max_length=200)]


class Asked(BaseModel):
    """camelCase outside; unknown names are refused, for a misspelt one would be lost."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True
    )


class Address(Asked):
    """`address` is the street; `line2` what does not fit."""

    name: Text = Field(min_length=1)
    phone: Text
    address: Text = Field(min_length=1, validation_alias=AliasChoices("address", "line1"))
    line2: Text = ""
    city: Text = Field(min_length=1)
    state: Text = Field("", validation_alias=AliasChoices("state", "district", "province"))
    postal_code: Text = ""
    country: str = Field("LK", pattern=r"^[A-Z]{2}$")
    company: Text = ""
    email: Text = ""
    phone2: Text = ""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        self.phone = e164_of(self.phone, self.country)
        self.phone2 = e164_of(self.phone2, self.country) if self.phone2 else ""
        if (
            self.country == "LK"
            and self.postal_code
            and not _LK_POSTCODE.fullmatch(self.postal_code)
        ):
            raise ValueError("a Sri Lankan postal code has five digits, as in 00300 or 20000")
        return self

    def party(self) -> Party:
        """In the couriers' form."""
        return Party(
            name=self.name,
            phone=self.phone,
            line1=self.address,
            line2=self.line2,
            city=self.city,
            state=self.state,
            postcode=self.postal_code,
            country=self.country,
            company=self.company,
            email=self.email,
            phone2=self.phone2,
        )


class Package(Asked):
    """One box."""

    weight: Positive
    length: Positive | None = None
    width: Positive | None = None
    height: Positive | None = None
    description: Text = ""
    weight_unit: Literal["kg", "g", "lb"] = "kg"
    size_unit: Literal["cm", "mm", "in"] = "cm"

    def parcel(self) -> Parcel:
        """In kilograms and centimetres, rounded up to grams and millimetres."""
        scale = CENTIMETRES[self.size_unit]

        def size(length: Decimal | None) -> Decimal | None:
            return None if length is None else _up(length * scale, Decimal("0.1"))

        return Parcel(
            weight_kg=_up(self.weight * KILOGRAMS[self.weight_unit], GRAM),
            length_cm=size(self.length),
            width_cm=size(self.width),
            height_cm=size(self.height),
            description=self.description,
        )


def _up(number: Decimal, step: Decimal) -> Decimal:
    """Without trailing zeros: `1.2`, never `1.200` or `1E+1`."""
    rounded = number.quantize(step, rounding="ROUND_CEILING").normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


class Amount(Asked):
    amount: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=3)]
    currency: str = Field("LKR", pattern=r"^[A-Z]{3}$")

    @field_validator("amount", mode="before")
    @classmethod
    def _exact(cls, value: Any) -> Any:
        """A number of JSON by its digits, not by its binary neighbour."""
        return repr(value) if isinstance(value, float) else value

    def money(self) -> Money:
        """In the couriers' form."""
        return Money(self.amount, self.currency)


class Goods(Asked):
    """One line for customs; the price is one piece's."""

    description: Text = Field(min_length=1)
    quantity: int = Field(ge=1)
    unit_price: Annotated[Decimal, Field(ge=0)]
    weight: Positive
    net_weight: Positive | None = None
    hs_code: Text = ""
    origin: str = Field("LK", pattern=r"^[A-Z]{2}$")

    def item(self) -> Item:
        """In the couriers' form."""
        return Item(
            description=self.description,
            quantity=self.quantity,
            unit_price=self.unit_price,
            weight_kg=self.weight,
            net_weight_kg=self.net_weight,
            hs_code=self.hs_code,
            origin=self.origin,
        )


class ShipmentRequest(Asked):
    """What `create_shipment` and `POST /api/courier/track` take."""

    pickup_address: Address
    delivery_address: Address
    package: Package | None = None
    packages: list[Package] = Field(default=[], max_length=MAX_PARCELS)
    order_id: Text = Field(min_length=1)
    """Also the reference by which a lost answer is looked up."""
    organization_id: Text = "default"
    courier_code: Text = ""
    cash_on_delivery: Amount | None = None
    declared_value: Amount | None = None
    items: list[Goods] = []
    description: Text = ""
    service: Text = ""
    note: Text = ""
    invoice: Text = ""
    waybill_number: Text = ""
    """Of a sticker, where a courier gives them out beforehand."""
    lookup: dict[str, str | int] = {}

    @model_validator(mode="after")
    def _one_package_or_more(self) -> Self:
        if bool(self.package) == bool(self.packages):
            raise ValueError("give package, or packages for several")
        return self

    def shipment(self, now_ms: int) -> Shipment:
        """In the couriers' form, to be sent now. Goods that are not listed are the package."""
        boxes = [self.package] if self.package else self.packages
        parcels = tuple(box.parcel() for box in boxes)
        words = self.description or next((box.description for box in boxes if box.description), "")
        words = words or f"Order {self.order_id}"
        declared = self.declared_value.money() if self.declared_value else None
        items = tuple(goods.item() for goods in self.items)
        if declared and not items:
            weight = sum((parcel.weight_kg for parcel in parcels), Decimal(0))
            items = (
                Item(description=words, quantity=1, unit_price=declared.amount, weight_kg=weight),
            )
        return Shipment(
            reference=self.order_id,
            sender=self.pickup_address.party(),
            receiver=self.delivery_address.party(),
            parcels=parcels,
            description=words,
            ship_at_ms=now_ms,
            # No cash is no cash on delivery: a zero would print a label that asks for nothing.
            cod=self.cash_on_delivery.money()
            if self.cash_on_delivery and self.cash_on_delivery.amount
            else None,
            declared=declared,
            items=items,
            service=self.service,
            note=self.note,
            invoice=self.invoice,
            preallocated_number=self.waybill_number,
            lookup=self.lookup,
        )
