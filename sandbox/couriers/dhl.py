"""DHL: unified tracking below `/track`, MyDHL below `/mydhlapi`."""

import base64
from http import HTTPStatus
from urllib.parse import parse_qs

from sandbox.couriers.depot import Consignment, Depot, Record, Scan
from sandbox.couriers.labels import encoded, pdf
from sandbox.faults import RequestFault
from sandbox.http import Answer, Call, json_answer

PER_S, PER_DAY = 1.0, 250
"""Of unified tracking; MyDHL publishes none."""
UNIFIED = {
    "created": ("pre-transit", "PRE-TRANSIT", "Shipment information received"),
    "picked_up": ("transit", "PICKED UP", "Shipment picked up"),
    "in_transit": ("transit", "TRANSIT", "Arrived at DHL Sort Facility"),
    "out_for_delivery": (
        "transit",
        "OUT FOR DELIVERY",
        "Shipment is out with courier for delivery",
    ),
    "delivered": ("delivered", "DELIVERED", "Delivered"),
    "failed": ("failure", "EXCEPTION", "Delivery attempted but recipient not home"),
    "returned": ("delivered", "DELIVERED_TO_SHIPPER", "Returned to shipper"),
    "cancelled": ("failure", "EXCEPTION", "Shipment on hold"),
    "info": ("unknown", "UNKNOWN", "Customs status updated"),
    "unlisted": ("teleported", "GONE", "Gone fishing"),
}
MYDHL = {
    "created": ("", ""),
    "picked_up": ("PU", "Shipment picked up"),
    "in_transit": ("DF", "Departed Facility"),
    "out_for_delivery": ("WC", "Shipment is out with courier for delivery"),
    "delivered": ("OK", "Delivered - Signed for by"),
    "failed": ("NH", "Recipient not home"),
    "returned": ("RT", "Returned to shipper"),
    "cancelled": ("OH", "On hold"),
    "info": ("RR", "Customs clearance status updated"),
    "unlisted": ("ZZ", "Gone fishing"),
}
ALLOWED = {
    "": {"plannedShippingDateAndTime", "pickup", "productCode", "accounts", "customerReferences",
         "outputImageProperties", "customerDetails", "content", "valueAddedServices"},
    "content": {"packages", "isCustomsDeclarable", "declaredValue", "declaredValueCurrency",
                "description", "incoterm", "unitOfMeasurement", "exportDeclaration"},
    "package": {"weight", "dimensions", "customerReferences"},
}  # fmt: skip
"""MyDHL refuses every other key."""
CONTACT = ("phone", "companyName", "fullName")


def handle(depot: Depot, call: Call, parts: list[str]) -> Answer:
    if parts[:2] == ["track", "shipments"] and call.method == "GET":
        return _unified(depot, call)
    if parts[:1] != ["mydhlapi"]:
        return _problem(404, "Not found")
    settings = depot.settings
    pair = base64.b64encode(f"{settings.username}:{settings.password}".encode()).decode()
    if call.header(b"authorization") != f"Basic {pair}":
        return _refused(401, "Invalid Credentials")
    if not 1 <= len(call.header(b"message-reference")) <= 36:
        return _refused(400, "998: Message-Reference is missing")
    # The test system is the same with `/test` in its address.
    rest = [one for one in parts[1:] if one != "test"]
    match (call.method, *rest):
        case ("GET", "shipments", number, "tracking"):
            return _track(depot, [number])
        case ("GET", "tracking"):
            return _multi(depot, call)
        case ("POST", "shipments"):
            return _create(depot, call)
    return _refused(404, "Not found")


def unlimited(parts: list[str]) -> bool:
    return parts[:1] == ["mydhlapi"]


def error(fault: RequestFault) -> Answer:
    return _problem(fault.status or 400, fault.message)


def limited() -> Answer:
    words = "Too many requests within defined time period, please try again later."
    return _problem(429, words)


def _problem(status: int, detail: str) -> Answer:
    document = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    answer = json_answer(status, document)
    answer.headers = [(b"content-type", b"application/problem+json")]
    return answer


def _refused(status: int, detail: str, more: list[str] | None = None) -> Answer:
    document: Record = {
        "instance": "/expressapi/shipments",
        "detail": detail,
        "title": HTTPStatus(status).phrase,
        "message": HTTPStatus(status).phrase,
        "status": str(status),
    }
    if more:
        document["additionalDetails"] = more
    return json_answer(status, document)


def _unified(depot: Depot, call: Call) -> Answer:
    if call.header(b"dhl-api-key") != depot.settings.api_key:
        return _problem(401, "Unauthorized for given resource.")
    number = call.query.get("trackingNumber", "")
    if not number:
        return _problem(400, "trackingNumber is missing")
    held = depot.found(number)
    if held is None:
        return _problem(404, "No shipment with given tracking number found.")
    events = [_unified_event(depot, scan) for scan in depot.scans(held)]
    shipment: Record = {"id": held.number, "service": "express", "events": events}
    if events:
        shipment["status"] = events[0]
    shipment["details"] = {
        "totalNumberOfPieces": len(held.pieces) or 1,
        "pieceIds": held.pieces,
        "references": [{"number": held.reference, "type": "customer-reference"}],
    }
    return json_answer(200, {"url": "/shipments", "shipments": [shipment]})


def _unified_event(depot: Depot, scan: Scan) -> Record:
    code, status, words = UNIFIED[scan.stage]
    place = {"countryCode": scan.country, "addressLocality": scan.place.upper()}
    return {
        "timestamp": scan.local().isoformat(timespec="seconds"),
        "location": {"address": place},
        "statusCode": scan.code or code,
        "status": depot.said(status),
        "description": depot.said(scan.text or words),
    }


def _multi(depot: Depot, call: Call) -> Answer:
    query = parse_qs(call.query_string)
    reference = query.get("shipmentReference", [""])[0]
    if reference:
        if query.get("shipperAccountNumber", [""])[0] != depot.settings.account_number:
            return _refused(400, "1001: shipperAccountNumber is not yours")
        return _track(depot, [one.number for one in depot.by_reference(reference)])
    return _track(depot, query.get("shipmentTrackingNumber", []))


def _track(depot: Depot, numbers: list[str]) -> Answer:
    shipments = [_shipment(depot, held) for one in numbers if (held := depot.found(one))]
    if not shipments:
        return _refused(404, "1001: No shipment found for the given number")
    return json_answer(200, {"shipments": shipments})


def _shipment(depot: Depot, held: Consignment) -> Record:
    """Oldest first; a shipment that was only announced has no event."""
    scans = [one for one in reversed(depot.scans(held)) if one.stage != "created"]
    return {
        "shipmentTrackingNumber": held.number,
        "status": "Success",
        "shipmentTimestamp": "",
        "productCode": "P",
        "description": "",
        "shipperReferences": [{"value": held.reference, "typeCode": "CU"}],
        "events": [_event(depot, scan) for scan in scans],
        "numberOfPieces": len(held.pieces),
        "pieces": [{"trackingNumber": one, "events": []} for one in held.pieces],
    }


def _event(depot: Depot, scan: Scan) -> Record:
    code, words = MYDHL[scan.stage]
    local = scan.local().isoformat(timespec="seconds")
    return {
        "date": local[:10],
        "time": local[11:19],
        "GMTOffset": local[19:],
        "typeCode": scan.code or code,
        "description": depot.said(scan.text or words),
        "serviceArea": [{"code": "CMB", "description": f"{scan.place.upper()}-{scan.country}"}],
    }


def _extraneous(body: Record) -> list[str]:
    content = body.get("content") or {}
    found = [f"#: extraneous key [{one}]" for one in sorted(set(body) - ALLOWED[""])]
    found += [
        f"#/content: extraneous key [{one}]" for one in sorted(set(content) - ALLOWED["content"])
    ]
    for place, package in enumerate(content.get("packages") or []):
        found += [
            f"#/content/packages/{place}: extraneous key [{one}]"
            for one in sorted(set(package) - ALLOWED["package"])
        ]
    return [f"{one} is not permitted" for one in found]


def _create(depot: Depot, call: Call) -> Answer:
    body = call.json_object()
    wrong = _extraneous(body)
    for side, party in (body.get("customerDetails") or {}).items():
        contact = party.get("contactInformation") or {}
        wrong += [
            f"#/customerDetails/{side}/contactInformation: required key [{name}] not found"
            for name in CONTACT
            if name not in contact
        ]
    if wrong:
        return _refused(422, "Multiple problems found, see Additional Details", wrong)
    if body["accounts"][0]["number"] != depot.settings.account_number:
        return _refused(400, "7008: The account is not yours")
    number = depot.next_number("537453{:04d}")
    packages = body["content"]["packages"]
    pieces = [f"JD0146{number}{place:03d}" for place in range(1, len(packages) + 1)]
    references = body.get("customerReferences") or [{"value": ""}]
    held = Consignment(number, references[0]["value"], depot.clock.now(), pieces, details=body)
    depot.add(held)
    return json_answer(201, _created(depot, held))


def _created(depot: Depot, held: Consignment) -> Record:
    count = len(held.pieces)
    bad = depot.settings.label_fails

    def document(kind: str, text: str, **more: int) -> Record:
        content = "no label" if bad else encoded(pdf(text))
        return {"imageFormat": "PDF", "content": content, "typeCode": kind, **more}

    labels = [
        document("label", f"{held.number} {place}/{count}", packageReferenceNumber=place)
        for place in range(1, count + 1)
    ]
    return {
        "shipmentTrackingNumber": held.number,
        "packages": [
            {"referenceNumber": place, "trackingNumber": one}
            for place, one in enumerate(held.pieces, 1)
        ],
        "documents": [*labels, document("waybillDoc", f"{held.number} waybill")],
    }
