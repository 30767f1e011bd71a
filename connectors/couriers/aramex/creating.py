"""Aramex's shipments and labels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.couriers.aramex import wire
from connectors.couriers.aramex.mapping import CODE, post
from connectors.couriers.aramex.settings import Account
from connectors.couriers.errors import CourierError, InvalidRequest
from connectors.couriers.labels import BadLabel, Label, label_of
from connectors.couriers.model import Created, Creation, Notice
from connectors.couriers.protocol import Request
from connectors.couriers.reading import Record, part, records, text
from connectors.couriers.shipment import Money, Parcel, Party, Shipment
from connectors.http import Reply

SHIPPING = "/ShippingAPI.V2/Shipping/Service_1_0.svc/json"
REPORT = 9201
DOMESTIC = ("OND", "ONP")
DUE_MS = 2 * 86_400_000


def create_request(account: Account, shipments: Sequence[Shipment]) -> Request:
    """Raises InvalidRequest for goods over the border without a value: Aramex's REQ38."""
    for shipment in shipments:
        if shipment.international and shipment.declared is None:
            raise InvalidRequest(
                "Say what the goods are worth: customs asks for it",
                code="REQ38",
                reference=shipment.reference,
            )
    body = {
        "LabelInfo": {"ReportID": REPORT, "ReportType": account.label_report},
        "Shipments": [_shipment(account, shipment) for shipment in shipments],
    }
    return post(account, f"{SHIPPING}/CreateShipments", body)


def _shipment(account: Account, shipment: Shipment) -> Record:
    """`AccountingInstrcutions` and `TransportType ` are spelt so on the wire."""
    due_at_ms = shipment.due_at_ms or shipment.ship_at_ms + DUE_MS
    return {
        "Reference1": shipment.reference,
        "Reference2": "",
        "Reference3": "",
        "Shipper": _party(shipment, shipment.sender, account.account_number),
        "Consignee": _party(shipment, shipment.receiver, ""),
        "ThirdParty": None,
        "ShippingDateTime": wire.wire_date(shipment.ship_at_ms, account.timezone),
        "DueDate": wire.wire_date(due_at_ms, account.timezone),
        "Comments": shipment.note,
        "PickupLocation": "",
        "OperationsInstructions": "",
        "AccountingInstrcutions": "",
        "Details": _details(account, shipment),
        "Attachments": [],
        "ForeignHAWB": "",
        "TransportType ": 0,
        "PickupGUID": "",
        "Number": None,
        "ScheduledDelivery": None,
    }


def _party(shipment: Shipment, party: Party, account_number: str) -> Record:
    absent = ("BuildingNumber", "BuildingName", "Floor", "Apartment", "POBox", "Description")
    return {
        "Reference1": shipment.reference,
        "Reference2": "",
        "AccountNumber": account_number,
        "PartyAddress": {
            "Line1": party.line1,
            "Line2": party.line2,
            "Line3": "",
            "City": party.city,
            "StateOrProvinceCode": party.state,
            "PostCode": party.postcode,
            "CountryCode": party.country,
            "Longitude": 0,
            "Latitude": 0,
            **dict.fromkeys(absent),
        },
        "Contact": {
            "Department": "",
            "PersonName": party.name,
            "Title": "",
            "CompanyName": party.business,
            "PhoneNumber1": party.phone,
            "PhoneNumber1Ext": "",
            "PhoneNumber2": party.phone2,
            "PhoneNumber2Ext": "",
            "FaxNumber": "",
            "CellPhone": party.phone,
            "EmailAddress": party.email,
            "Type": "",
        },
    }


def _details(account: Account, shipment: Shipment) -> Record:
    product = shipment.service or account.product_type
    product = product or ("PPX" if shipment.international else "OND")
    return {
        "Dimensions": _dimensions(shipment.parcels[0]),
        "ActualWeight": {"Unit": "KG", "Value": shipment.weight_kg},
        "ChargeableWeight": None,
        "DescriptionOfGoods": shipment.description,
        "GoodsOriginCountry": shipment.sender.country,
        "NumberOfPieces": len(shipment.parcels),
        "ProductGroup": "DOM" if product in DOMESTIC else "EXP",
        "ProductType": product,
        "PaymentType": account.payment_type,
        "PaymentOptions": "",
        "CustomsValueAmount": _amount(shipment.declared if shipment.international else None),
        "CashOnDeliveryAmount": _amount(shipment.cod),
        "InsuranceAmount": None,
        "CashAdditionalAmount": None,
        "CashAdditionalAmountDescription": "",
        "CollectAmount": None,
        "Services": "CODS" if shipment.cod else "",
        "Items": [],
    }


def _dimensions(parcel: Parcel) -> Record | None:
    if not parcel.sized:
        return None
    return {
        "Length": parcel.length_cm,
        "Width": parcel.width_cm,
        "Height": parcel.height_cm,
        "Unit": "CM",
    }


def _amount(money: Money | None) -> Record | None:
    return None if money is None else {"CurrencyCode": money.currency, "Value": money.amount}


def create_response(account: Account, shipments: Sequence[Shipment], reply: Reply) -> Creation:
    """`HasErrors` at the top is true if any shipment failed: a waybill that exists is kept."""
    answer = wire.answer(reply)
    entries = records(answer.get("Shipments"))
    if not entries and wire.failed(answer):
        raise wire.failure(answer)
    created: list[Created] = []
    refused: list[CourierError] = []
    answered: set[str] = set()
    for place, entry in enumerate(entries):
        asked = shipments[place].reference if place < len(shipments) else ""
        reference = text(entry.get("Reference1")) or asked
        answered.add(reference)
        if text(entry.get("ID")):
            created.append(_created(reference, entry))
        else:
            refused.append(wire.failure(entry, reference))
    unknown = [one.reference for one in shipments if one.reference not in answered]
    return Creation(tuple(created), tuple(refused), tuple(unknown))


def _created(reference: str, entry: Record) -> Created:
    notices = [Notice(code, words) for code, words in wire.notifications(entry)]
    held = wire.label_part(entry)
    labels: tuple[Label, ...] = ()
    try:
        labels = _labels(held)
    except BadLabel as error:
        notices.append(Notice("LABEL", str(error)))
    group = text(part(entry, "ShipmentDetails").get("ProductGroup"))
    return Created(
        CODE,
        text(entry["ID"]),
        reference,
        labels=labels,
        label_url=text(held.get("LabelURL")),
        notices=tuple(notices),
        ids={"product_group": group} if group else {},
    )


def _labels(held: Record) -> tuple[Label, ...]:
    """None where only an address was sent."""
    contents: Any = held.get("LabelFileContents")
    return (label_of(contents),) if contents else ()


def label_request(account: Account, created: Created) -> Request:
    """The label itself, not an address of it."""
    body = {
        "LabelInfo": {"ReportID": REPORT, "ReportType": "RPT"},
        "ShipmentNumber": created.number,
        "ProductGroup": created.ids.get("product_group", "DOM"),
        "OriginEntity": account.account_entity,
    }
    return post(account, f"{SHIPPING}/PrintLabel", body)


def label_response(reply: Reply) -> tuple[Label, ...]:
    """Raises BadLabel where none came."""
    answer = wire.answer(reply)
    labels = _labels(wire.label_part(answer))
    if labels:
        return labels
    if wire.failed(answer):
        raise wire.failure(answer)
    raise BadLabel("Aramex sent no label")
