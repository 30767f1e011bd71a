"""UPS's shipments. Pure. Numbers are text on its wire."""

from __future__ import annotations

from urllib.parse import quote

from connectors.couriers.errors import InvalidRequest, Unavailable
from connectors.couriers.labels import BadLabel, Label, label_of
from connectors.couriers.model import Created, Creation, Notice
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, part, records, text
from connectors.couriers.shipment import Parcel, Party, Shipment
from connectors.couriers.ups.mapping import CODE
from connectors.couriers.ups.settings import Account
from connectors.couriers.ups.wire import answer, headers
from connectors.http import Reply

VERSION = "v2409"
SERVICES = {"07": "Express", "08": "Expedited", "65": "Saver"}


def create_request(account: Account, shipment: Shipment, context: Context) -> Request:
    """Raises InvalidRequest for what UPS surely refuses."""
    if shipment.cod:
        raise InvalidRequest(
            "UPS collects no cash at the door: choose another courier",
            reference=shipment.reference,
            untouched=True,
        )
    body = {
        "ShipmentRequest": {
            "Request": {
                "SubVersion": VERSION.removeprefix("v"),
                "RequestOption": "nonvalidate",
                "TransactionReference": {"CustomerContext": shipment.reference},
            },
            "Shipment": _shipment(account, shipment),
            "LabelSpecification": {
                "LabelImageFormat": {"Code": account.label_format},
                "LabelStockSize": {"Height": "6", "Width": "4"},
            },
        }
    }
    url = f"{account.base_url}/api/shipments/{VERSION}/ship"
    heads = {**headers(context), "Content-Type": "application/json"}
    return Request("POST", url, headers=heads, json=body)


def _shipment(account: Account, shipment: Shipment) -> Record:
    code = shipment.service or account.service_code
    sender = _party(shipment.sender)
    found: Record = {
        "Description": shipment.description,
        "Shipper": {**sender, "ShipperNumber": account.account_number},
        "ShipTo": _party(shipment.receiver),
        "ShipFrom": sender,
        "PaymentInformation": {
            "ShipmentCharge": [
                {"Type": "01", "BillShipper": {"AccountNumber": account.account_number}}
            ]
        },
        "Service": {"Code": code, "Description": SERVICES.get(code, "")},
        "Package": [_package(shipment, parcel) for parcel in shipment.parcels],
    }
    # UPS takes a shipment's reference only where a border is crossed, else its parcels'.
    if shipment.international:
        found["ReferenceNumber"] = [{"Value": shipment.reference}]
    else:
        for package in found["Package"]:
            package["ReferenceNumber"] = [{"Value": shipment.reference}]
    if shipment.international and shipment.declared:
        found["InvoiceLineTotal"] = {
            "CurrencyCode": shipment.declared.currency,
            "MonetaryValue": shipment.declared.plain(),
        }
    return found


def _party(party: Party) -> Record:
    return {
        "Name": party.business,
        "AttentionName": party.name,
        "Phone": {"Number": party.digits},
        "Address": {
            "AddressLine": party.lines,
            "City": party.city,
            "PostalCode": party.postcode,
            "CountryCode": party.country,
        },
    }


def _package(shipment: Shipment, parcel: Parcel) -> Record:
    return {
        "Description": parcel.description or shipment.description,
        "Packaging": {"Code": "02"},
        "PackageWeight": {
            "UnitOfMeasurement": {"Code": "KGS"},
            "Weight": f"{parcel.weight_kg:f}",
        },
    }


def create_response(shipment: Shipment, reply: Reply) -> Creation:
    """`PackageResults` was an object before v2403. Alerts are warnings. Raises CourierError."""
    response = part(answer(reply), "ShipmentResponse")
    results = part(response, "ShipmentResults")
    number = text(results.get("ShipmentIdentificationNumber"))
    if not number:
        raise Unavailable("UPS answered without a shipment number")
    notices = [
        Notice(text(alert.get("Code")), text(alert.get("Description")))
        for alert in records(part(response, "Response").get("Alert"))
    ]
    labels: list[Label] = []
    packages = records(results.get("PackageResults"))
    for place, package in enumerate(packages, 1):
        held = part(package, "ShippingLabel")
        try:
            declared = text(part(held, "ImageFormat").get("Code"))
            labels.append(label_of(held.get("GraphicImage"), piece=place, declared=declared))
        except BadLabel as error:
            notices.append(Notice("LABEL", str(error)))
    pieces = tuple(one for package in packages if (one := text(package.get("TrackingNumber"))))
    created = Created(
        CODE, number, shipment.reference, pieces, tuple(labels), notices=tuple(notices)
    )
    return Creation((created,))


def cancel_request(account: Account, number: str, context: Context) -> Request:
    """UPS calls it a void."""
    path = f"/api/shipments/{VERSION}/void/cancel/{quote(number, safe='')}"
    return Request("DELETE", account.base_url + path, headers=headers(context))


def cancel_response(number: str, reply: Reply) -> None:
    """Raises InvalidRequest where UPS did not void it."""
    summary = part(answer(reply), "VoidShipmentResponse", "SummaryResult", "Status")
    if text(summary.get("Code")) != "1":
        raise InvalidRequest(
            text(summary.get("Description")) or "UPS did not void the shipment", number=number
        )
