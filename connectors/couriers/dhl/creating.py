"""MyDHL's shipments. Pure. It refuses every key it does not know: nothing is sent for luck."""

from __future__ import annotations

from datetime import datetime

from connectors.couriers.dhl.mapping import CODE
from connectors.couriers.dhl.settings import Account
from connectors.couriers.dhl.wire import answer, mydhl_headers
from connectors.couriers.errors import InvalidRequest, Unavailable
from connectors.couriers.labels import BadLabel, Label, label_of
from connectors.couriers.model import Created, Creation, Notice
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, records, text, texts
from connectors.couriers.shipment import Item, Parcel, Party, Shipment
from connectors.couriers.times import zone
from connectors.http import Reply

LABEL = "ECOM26_84_001"
WAYBILL = "ARCH_8X4"
LINES = 3


def create_request(account: Account, shipment: Shipment, context: Context) -> Request:
    """Raises InvalidRequest for what DHL surely refuses."""
    _check(shipment)
    planned = datetime.fromtimestamp(shipment.ship_at_ms / 1000, zone(account.timezone))
    product = shipment.service or account.product_code
    offset = planned.isoformat(timespec="seconds")[-6:]
    body: Record = {
        "plannedShippingDateAndTime": f"{planned:%Y-%m-%dT%H:%M:%S} GMT{offset}",
        "pickup": {"isRequested": False},
        "productCode": product or ("P" if shipment.international else "N"),
        "accounts": [{"typeCode": "shipper", "number": account.account_number}],
        "customerReferences": [{"value": shipment.reference, "typeCode": "CU"}],
        "outputImageProperties": {
            "encodingFormat": "pdf",
            "imageOptions": [
                {"typeCode": "label", "templateName": LABEL},
                {"typeCode": "waybillDoc", "templateName": WAYBILL, "isRequested": True},
            ],
        },
        "customerDetails": {
            "shipperDetails": _party(shipment.sender),
            "receiverDetails": _party(shipment.receiver),
        },
        "content": _content(shipment, planned.date().isoformat()),
    }
    headers = {**mydhl_headers(account, context), "Content-Type": "application/json"}
    return Request("POST", f"{account.mydhl_base_url}/shipments", headers=headers, json=body)


def _check(shipment: Shipment) -> None:
    said = []
    if shipment.cod:
        said.append("DHL collects no cash at the door: choose another courier")
    if not all(parcel.sized for parcel in shipment.parcels):
        said.append("DHL needs length, width and height of every parcel")
    if shipment.international and shipment.declared is None:
        said.append("Say what the goods are worth: customs asks for it")
    if said:
        raise InvalidRequest(said, reference=shipment.reference, untouched=True)


def _party(party: Party) -> Record:
    lines = {f"addressLine{n}": line for n, line in enumerate(party.lines[:LINES], 1)}
    contact = {
        "phone": party.phone,
        "companyName": party.business,
        "fullName": party.name,
        "email": party.email,
    }
    return {
        "postalAddress": {
            "postalCode": party.postcode,
            "cityName": party.city,
            "countryCode": party.country,
            **lines,
        },
        "contactInformation": {name: value for name, value in contact.items() if value},
    }


def _content(shipment: Shipment, today: str) -> Record:
    content: Record = {
        "packages": [_package(parcel) for parcel in shipment.parcels],
        "isCustomsDeclarable": shipment.international,
        "description": shipment.description,
        "incoterm": shipment.incoterm,
        "unitOfMeasurement": "metric",
    }
    if shipment.international and shipment.declared:
        content["declaredValue"] = shipment.declared.amount
        content["declaredValueCurrency"] = shipment.declared.currency
        content["exportDeclaration"] = {
            "lineItems": [_line(place, item) for place, item in enumerate(shipment.items, 1)],
            "invoice": {"number": shipment.invoice or shipment.reference, "date": today},
            "exportReason": "sale",
        }
    return content


def _package(parcel: Parcel) -> Record:
    return {
        "weight": parcel.weight_kg,
        "dimensions": {
            "length": parcel.length_cm,
            "width": parcel.width_cm,
            "height": parcel.height_cm,
        },
    }


def _line(place: int, item: Item) -> Record:
    line: Record = {
        "number": place,
        "description": item.description,
        "price": item.unit_price,
        "quantity": {"value": item.quantity, "unitOfMeasurement": "PCS"},
        "exportReasonType": "permanent",
        "manufacturerCountry": item.origin,
        "weight": {
            "netValue": item.net_weight_kg or item.weight_kg,
            "grossValue": item.weight_kg,
        },
    }
    if item.hs_code:
        line["commodityCodes"] = [{"typeCode": "outbound", "value": item.hs_code}]
    return line


def create_response(shipment: Shipment, reply: Reply) -> Creation:
    """Raises CourierError; Unavailable where a success names no waybill."""
    found = answer(reply)
    number = text(found.get("shipmentTrackingNumber"))
    if not number:
        raise Unavailable("DHL answered without a waybill number")
    notices = [Notice("", words) for words in texts(found.get("warnings"))]
    labels: list[Label] = []
    other: list[Label] = []
    for entry in records(found.get("documents")):
        kind = text(entry.get("typeCode")) or "label"
        place = entry.get("packageReferenceNumber")
        try:
            label = label_of(
                entry.get("content"),
                piece=place if isinstance(place, int) else None,
                declared=text(entry.get("imageFormat")),
                kind=kind,
            )
        except BadLabel as error:
            notices.append(Notice("LABEL", str(error)))
            continue
        (labels if kind == "label" else other).append(label)
    dispatch = text(found.get("dispatchConfirmationNumber"))
    created = Created(
        CODE,
        number,
        shipment.reference,
        pieces=tuple(
            one
            for entry in records(found.get("packages"))
            if (one := text(entry.get("trackingNumber")))
        ),
        labels=tuple(labels),
        other=tuple(other),
        notices=tuple(notices),
        ids={"dispatch_confirmation": dispatch} if dispatch else {},
    )
    return Creation((created,))
