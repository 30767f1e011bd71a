"""UPS: OAuth with a Basic header, numbers as text, `not found` with HTTP 200."""

import base64
import secrets

from sandbox.couriers.depot import Consignment, Depot, Record, Scan
from sandbox.couriers.labels import encoded, of_format
from sandbox.faults import RequestFault
from sandbox.http import Answer, Call, json_answer

PER_S, PER_DAY = None, None
RETENTION_S = 120 * 86_400
WORDS = {
    "created": ("M", "003", "Shipper created a label, UPS has not received the package yet. "),
    "picked_up": ("P", "038", "Pickup Scan"),
    "in_transit": ("I", "005", "Arrived at Facility"),
    "out_for_delivery": ("I", "021", "Out For Delivery Today"),
    "delivered": ("D", "011", "Delivered"),
    "failed": ("X", "048", "Delivery Attempt Made"),
    "returned": ("RS", "034", "Returned to Sender"),
    "cancelled": ("MV", "007", "Shipment cancelled"),
    "info": ("U", "999", "Update"),
    "unlisted": ("ZZ", "999", "Gone fishing"),
}


def handle(depot: Depot, call: Call, parts: list[str]) -> Answer:
    if (call.method, *parts) == ("POST", "security", "v1", "oauth", "token"):
        return _token(depot, call)
    if not depot.valid(call.header(b"authorization"), "all"):
        return _errors(401, "250002", "Invalid Authentication Information.")
    if not call.header(b"transid") or not call.header(b"transactionsrc"):
        return _errors(400, "TV0010", "transId and transactionSrc are required")
    match (call.method, *parts):
        case ("GET", "api", "track", "v1", "details", number):
            held = depot.found(number)
            return _tracked(depot, number, [held] if held else [])
        case ("GET", "api", "track", "v1", "reference", "details", reference):
            return _tracked(depot, reference, list(depot.by_reference(reference)))
        case ("POST", "api", "shipments", "v2409", "ship"):
            return _create(depot, call.json_object()["ShipmentRequest"])
        case ("DELETE", "api", "shipments", "v2409", "void", "cancel", number):
            return _void(depot, number)
    return _errors(404, "10404", "Not found")


def error(fault: RequestFault) -> Answer:
    return _errors(fault.status or 400, str(fault.code), fault.message)


def limited() -> Answer:
    return _errors(429, "10429", "Too Many Requests")


def _errors(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"response": {"errors": [{"code": code, "message": message}]}})


def _token(depot: Depot, call: Call) -> Answer:
    settings = depot.settings
    pair = f"{settings.client_id}:{settings.client_secret}".encode()
    if call.header(b"authorization") != f"Basic {base64.b64encode(pair).decode()}":
        return _errors(401, "10401", "ClientId is Invalid")
    return json_answer(
        200,
        {
            "token_type": "Bearer",
            "issued_at": str(int(depot.clock.now() * 1000)),
            "client_id": settings.client_id,
            "access_token": depot.token("all", secrets.token_hex(16)),
            "scope": "",
            "expires_in": str(int(settings.token_lifetime_s)),
            "status": "approved",
        },
    )


def _tracked(depot: Depot, asked: str, found: list[Consignment]) -> Answer:
    """Data vanishes after 120 days."""
    now = depot.clock.now()
    kept = [one for one in found if now - one.created_at <= RETENTION_S]
    shipments: list[Record] = [_shipment(depot, asked, held) for held in kept]
    if not shipments:
        warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
        shipments = [{"inquiryNumber": asked, "warnings": [warning]}]
    return json_answer(200, {"trackResponse": {"shipment": shipments}})


def _shipment(depot: Depot, asked: str, held: Consignment) -> Record:
    packages = []
    for number in held.pieces or [held.number]:
        package: Record = {"trackingNumber": number, "packageCount": len(held.pieces) or 1}
        package["activity"] = [_activity(depot, scan) for scan in depot.scans(held)]
        if held.stage:
            package["currentStatus"] = _status(depot, held.stage)
        package["referenceNumber"] = [{"type": "SHIPMENT", "number": held.reference}]
        packages.append(package)
    return {"inquiryNumber": asked, "package": packages}


def _status(depot: Depot, stage: str, code: str = "", text: str = "") -> Record:
    kind, number, words = WORDS[stage]
    said = depot.said(text or words)
    return {"type": kind, "description": said, "code": kind, "statusCode": code or number}


def _activity(depot: Depot, scan: Scan) -> Record:
    local, utc = scan.local(), scan.utc()
    address = {"city": scan.place, "countryCode": scan.country, "country": scan.country}
    return {
        "location": {"address": address, "slic": "9999"},
        "status": _status(depot, scan.stage, scan.code, scan.text),
        "date": f"{local:%Y%m%d}",
        "time": f"{local:%H%M%S}",
        "gmtDate": f"{utc:%Y%m%d}",
        "gmtTime": f"{utc:%H:%M:%S}",
        "gmtOffset": local.isoformat()[-6:],
    }


def _create(depot: Depot, body: Record) -> Answer:
    shipment = body["Shipment"]
    if shipment["Shipper"]["ShipperNumber"] != depot.settings.account_number:
        return _errors(400, "120100", "Missing or invalid shipper number")
    if not shipment["ShipTo"]["Address"].get("PostalCode"):
        return _errors(400, "120205", "Missing or invalid ship to PostalCode")
    packages = shipment["Package"]
    pieces = [depot.next_number("1Z12345E02{:08d}") for _ in packages]
    named = [*shipment.get("ReferenceNumber", []), *packages[0].get("ReferenceNumber", [])]
    reference = named[0]["Value"] if named else ""
    depot.add(Consignment(pieces[0], reference, depot.clock.now(), pieces, details=body))
    form = body["LabelSpecification"]["LabelImageFormat"]["Code"]
    results = [_package(depot, form, number) for number in pieces]
    return json_answer(
        200,
        {
            "ShipmentResponse": {
                "Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}},
                "ShipmentResults": {
                    "ShipmentIdentificationNumber": pieces[0],
                    "PackageResults": results,
                },
            }
        },
    )


def _package(depot: Depot, form: str, number: str) -> Record:
    image = "no label" if depot.settings.label_fails else encoded(of_format(form, number))
    label = {"ImageFormat": {"Code": form, "Description": form}, "GraphicImage": image}
    return {"TrackingNumber": number, "ShippingLabel": label}


def _void(depot: Depot, number: str) -> Answer:
    held = depot.found(number)
    if held is None or held.stage != "created":
        return _errors(400, "190102", "No shipment found within the allowed void period")
    held.scans.append(Scan("cancelled", depot.clock.now()))
    summary = {"Status": {"Code": "1", "Description": "Voided"}}
    status = {"ResponseStatus": {"Code": "1", "Description": "Success"}}
    document = {"Response": status, "SummaryResult": summary}
    return json_answer(200, {"VoidShipmentResponse": document})
