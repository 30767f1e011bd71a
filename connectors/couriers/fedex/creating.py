"""FedEx's shipments. Pure."""

from __future__ import annotations

from datetime import datetime

from connectors.couriers.errors import InvalidRequest, Unavailable
from connectors.couriers.fedex.mapping import CODE
from connectors.couriers.fedex.settings import Account
from connectors.couriers.fedex.wire import answer, headers
from connectors.couriers.labels import BadLabel, Label, label_of
from connectors.couriers.model import Created, Creation, Notice
from connectors.couriers.protocol import Context, Request
from connectors.couriers.reading import Record, part, records, text
from connectors.couriers.shipment import Item, Party, Shipment
from connectors.couriers.times import zone
from connectors.http import Reply


def create_request(account: Account, shipment: Shipment, context: Context) -> Request:
    """Raises InvalidRequest for what FedEx surely refuses."""
    _check(shipment)
    requested: Record = {
        "shipper": _party(shipment.sender),
        "recipients": [_party(shipment.receiver)],
        "shipDatestamp": datetime.fromtimestamp(shipment.ship_at_ms / 1000, zone(account.timezone))
        .date()
        .isoformat(),
        "serviceType": shipment.service or account.service_type,
        "packagingType": "YOUR_PACKAGING",
        "pickupType": "USE_SCHEDULED_PICKUP",
        "blockInsightVisibility": False,
        "shippingChargesPayment": {"paymentType": "SENDER"},
        "labelSpecification": {"imageType": "PDF", "labelStockType": "PAPER_4X6"},
        "totalWeight": shipment.weight_kg,
        "requestedPackageLineItems": [
            {
                "sequenceNumber": place,
                "weight": {"units": "KG", "value": parcel.weight_kg},
                # By it a lost answer is looked up.
                "customerReferences": [
                    {"customerReferenceType": "CUSTOMER_REFERENCE", "value": shipment.reference}
                ],
            }
            for place, parcel in enumerate(shipment.parcels, 1)
        ],
    }
    if shipment.international:
        requested["customsClearanceDetail"] = _customs(shipment)
    body = {
        "labelResponseOptions": "LABEL",
        "accountNumber": {"value": account.account_number},
        "requestedShipment": requested,
    }
    url = f"{account.base_url}/ship/v1/shipments"
    return Request("POST", url, headers=headers(context), json=body)


def _check(shipment: Shipment) -> None:
    said = []
    if shipment.cod:
        said.append("FedEx collects no cash at the door: choose another courier")
    if shipment.international and (shipment.declared is None or not shipment.items):
        said.append("Say what the goods are and what they are worth: customs asks for it")
    if said:
        raise InvalidRequest(said, reference=shipment.reference, untouched=True)


def _party(party: Party) -> Record:
    address: Record = {
        "streetLines": party.lines,
        "city": party.city,
        "postalCode": party.postcode,
        "countryCode": party.country,
    }
    return {
        "contact": {
            "personName": party.name,
            "phoneNumber": party.digits,
            "companyName": party.business,
        },
        "address": address,
    }


def _customs(shipment: Shipment) -> Record:
    currency = shipment.declared.currency if shipment.declared else ""
    payer = "SENDER" if shipment.incoterm == "DDP" else "RECIPIENT"
    return {
        "dutiesPayment": {"paymentType": payer},
        "commodities": [_commodity(item, currency) for item in shipment.items],
    }


def _commodity(item: Item, currency: str) -> Record:
    commodity: Record = {
        "description": item.description,
        "countryOfManufacture": item.origin,
        "quantity": item.quantity,
        "quantityUnits": "PCS",
        "unitPrice": {"amount": item.unit_price, "currency": currency},
        "customsValue": {"amount": item.unit_price * item.quantity, "currency": currency},
        "weight": {"units": "KG", "value": item.weight_kg},
    }
    if item.hs_code:
        commodity["harmonizedCode"] = item.hs_code.replace(".", "")
    return commodity


def create_response(shipment: Shipment, reply: Reply) -> Creation:
    """Alerts are warnings. Raises CourierError; Unavailable where no number is named."""
    entries = records(part(answer(reply), "output").get("transactionShipments"))
    entry = entries[0] if entries else {}
    number = text(entry.get("masterTrackingNumber"))
    pieces = records(entry.get("pieceResponses"))
    numbers = tuple(one for piece in pieces if (one := text(piece.get("trackingNumber"))))
    number = number or (numbers[0] if numbers else "")
    if not number:
        raise Unavailable("FedEx answered without a tracking number")
    notices = [
        Notice(text(alert.get("code")), text(alert.get("message")))
        for alert in records(entry.get("alerts"))
    ]
    labels: list[Label] = []
    label_url = ""
    for piece in pieces:
        place = piece.get("packageSequenceNumber")
        for held in records(piece.get("packageDocuments")):
            label_url = label_url or text(held.get("url"))
            label = _document(held, notices, place if isinstance(place, int) else None)
            labels += [label] if label else []
    other = [_document(one, notices) for one in records(entry.get("shipmentDocuments"))]
    created = Created(
        CODE,
        number,
        shipment.reference,
        pieces=numbers,
        labels=tuple(labels),
        label_url="" if labels else label_url,
        other=tuple(one for one in other if one),
        notices=tuple(notices),
    )
    return Creation((created,))


def _document(one: Record, notices: list[Notice], piece: int | None = None) -> Label | None:
    """None where only an address was sent, or where it is no document: then `notices` says so."""
    if not one.get("encodedLabel"):
        return None
    kind = text(one.get("contentType"))
    try:
        return label_of(
            one["encodedLabel"],
            piece=piece,
            declared=text(one.get("docType")),
            kind="label" if kind in ("", "LABEL") else kind,
        )
    except BadLabel as error:
        notices.append(Notice("LABEL", str(error)))
        return None


def cancel_request(account: Account, number: str, context: Context) -> Request:
    """Every piece."""
    body = {
        "accountNumber": {"value": account.account_number},
        "trackingNumber": number,
        "deletionControl": "DELETE_ALL_PACKAGES",
    }
    url = f"{account.base_url}/ship/v1/shipments/cancel"
    return Request("PUT", url, headers=headers(context), json=body)


def cancel_response(number: str, reply: Reply) -> None:
    """Raises InvalidRequest where FedEx did not cancel."""
    output = part(answer(reply), "output")
    if output.get("cancelledShipment") is not True:
        raise InvalidRequest(
            text(output.get("message")) or "FedEx did not cancel the shipment", number=number
        )
