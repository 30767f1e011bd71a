"""FedEx: OAuth with two projects, tracking in batches, shipments and cancelling."""

import secrets
from urllib.parse import parse_qsl

from sandbox.couriers.depot import Consignment, Depot, Record, Scan
from sandbox.couriers.labels import encoded, pdf
from sandbox.faults import RequestFault
from sandbox.http import Answer, Call, json_answer

PER_S, PER_DAY = 140.0, 100_000
BATCH = 30
NOT_FOUND = "TRACKING.TRACKINGNUMBER.NOTFOUND"
WORDS = {
    "created": ("OC", "Shipment information sent to FedEx"),
    "picked_up": ("PU", "Picked up"),
    "in_transit": ("DP", "Left FedEx origin facility"),
    "out_for_delivery": ("OD", "On FedEx vehicle for delivery"),
    "delivered": ("DL", "Delivered"),
    "failed": ("DE", "Delivery exception"),
    "returned": ("RS", "Returned to shipper"),
    "cancelled": ("CA", "Shipment cancelled by sender"),
    "info": ("AO", "Shipment arriving On-Time"),
    "unlisted": ("ZZ", "Gone fishing"),
}


def handle(depot: Depot, call: Call, parts: list[str]) -> Answer:
    if (call.method, *parts) == ("POST", "oauth", "token"):
        return _token(depot, call)
    scope = "ship" if parts[:1] == ["ship"] else "track"
    if not depot.valid(call.header(b"authorization"), scope):
        return _errors(401, ("NOT.AUTHORIZED.ERROR", "Access token expired or is not valid."))
    match (call.method, *parts):
        case ("POST", "track", "v1", "trackingnumbers"):
            return _track(depot, call.json_object())
        case ("POST", "track", "v1", "referencenumbers"):
            return _by_reference(depot, call.json_object())
        case ("POST", "ship", "v1", "shipments"):
            return _create(depot, call.json_object())
        case ("PUT", "ship", "v1", "shipments", "cancel"):
            return _cancel(depot, call.json_object())
    return _errors(404, ("NOT.FOUND.ERROR", "The resource you requested is not found."))


def error(fault: RequestFault) -> Answer:
    return _errors(fault.status or 400, (str(fault.code), fault.message))


def limited() -> Answer:
    return _errors(429, ("RATE.LIMIT.EXCEEDED", "Rate limit exceeded."))


def _errors(status: int, *told: tuple[str, str]) -> Answer:
    listed = [{"code": code, "message": message} for code, message in told]
    return json_answer(status, {"transactionId": secrets.token_hex(8), "errors": listed})


def _ok(**output: object) -> Answer:
    return json_answer(200, {"transactionId": secrets.token_hex(8), "output": output})


def _token(depot: Depot, call: Call) -> Answer:
    form, settings = dict(parse_qsl(call.body.decode())), depot.settings
    pair = (form.get("client_id"), form.get("client_secret"))
    ship = (settings.ship_client_id, settings.ship_client_secret)
    scope = ""
    if pair == (settings.client_id, settings.client_secret):
        scope = "track" if all(ship) else "all"
    elif all(ship) and pair == ship:
        scope = "ship"
    if not scope or form.get("grant_type") != "client_credentials":
        words = "The given client credentials were not valid. Please modify your request."
        return _errors(401, ("NOT.AUTHORIZED.ERROR", words))
    token = depot.token(scope, secrets.token_hex(16))
    lifetime = int(settings.token_lifetime_s)
    document = {"access_token": token, "token_type": "bearer", "expires_in": lifetime}
    return json_answer(200, {**document, "scope": "CXS"})


def _track(depot: Depot, body: Record) -> Answer:
    asked = [one["trackingNumberInfo"] for one in body["trackingInfo"]]
    if len(asked) > BATCH:
        words = "Please limit your inquiry to 30 tracking numbers."
        return _errors(400, ("TRACKING.TRACKINGNUMBER.LIMIT", words))
    return _ok(completeTrackResults=[_result(depot, one["trackingNumber"]) for one in asked])


def _result(depot: Depot, number: str) -> Record:
    held = depot.found(number)
    info = {"trackingNumber": number, "trackingNumberUniqueId": "", "carrierCode": ""}
    if held is None:
        words = "Tracking number cannot be found. Please correct the tracking number and try again."
        error = {"code": NOT_FOUND, "message": words}
        return {
            "trackingNumber": number,
            "trackResults": [{"trackingNumberInfo": info, "error": error}],
        }
    info |= {"trackingNumberUniqueId": f"2461000000~{held.number}~FX", "carrierCode": "FDXE"}
    events = [_event(depot, scan) for scan in depot.scans(held)]
    result: Record = {
        "trackingNumberInfo": info,
        "additionalTrackingInfo": {
            "packageIdentifiers": [{"type": "CUSTOMER_REFERENCE", "values": [held.reference]}]
        },
        "latestStatusDetail": {},
        "dateAndTimes": [],
        "scanEvents": events,
        "deliveryDetails": {"receivedByName": "N.PERERA"} if held.stage == "delivered" else {},
    }
    if held.stage:
        code, words = WORDS[held.stage]
        result["latestStatusDetail"] = {"code": code, "description": depot.said(words)}
    return {"trackingNumber": number, "trackResults": [result]}


def _event(depot: Depot, scan: Scan) -> Record:
    code, words = WORDS[scan.stage]
    failed = scan.stage == "failed"
    return {
        "date": scan.local().isoformat(timespec="seconds"),
        "eventType": scan.code or code,
        "eventDescription": depot.said(scan.text or words),
        "exceptionCode": "08" if failed else "",
        "exceptionDescription": depot.said("Customer not available" if failed else ""),
        "scanLocation": {"city": scan.place.upper(), "countryCode": scan.country},
        "derivedStatusCode": code,
    }


def _by_reference(depot: Depot, body: Record) -> Answer:
    asked = body["referencesInformation"]
    if asked.get("accountNumber") != depot.settings.account_number:
        return _errors(400, ("TRACKING.ACCOUNTNUMBER.INVALID", "Account number is not valid."))
    found = list(depot.by_reference(asked["value"]))
    if not found:
        words = "Reference number cannot be found."
        return _errors(400, ("TRACKING.REFERENCENUMBER.NOTFOUND", words))
    return _ok(completeTrackResults=[_result(depot, one.number) for one in found])


def _create(depot: Depot, body: Record) -> Answer:
    asked = body["requestedShipment"]
    recipient = asked["recipients"][0]["address"]
    wrong = []
    if body["accountNumber"]["value"] != depot.settings.account_number:
        words = "Please enter a valid 9-digit FedEx account number."
        wrong.append(("ACCOUNTNUMBER.REGISTRATION.REQUIRED", words))
    if not recipient.get("postalCode"):
        words = "Recipient postal code is required."
        wrong.append(("RECIPIENTS.ADDRESSPOSTALCODE.REQUIRED", words))
    if wrong:
        return _errors(400, *wrong)
    packages = asked["requestedPackageLineItems"]
    pieces = [depot.next_number("7946{:08d}") for _ in packages]
    named = [one for package in packages for one in package.get("customerReferences") or []]
    reference = named[0]["value"] if named else ""
    depot.add(Consignment(pieces[0], reference, depot.clock.now(), pieces, details=body))
    return _ok(transactionShipments=[_created(depot, pieces)])


def _created(depot: Depot, pieces: list[str]) -> Record:
    bad = depot.settings.label_fails

    def document(kind: str, text: str) -> Record:
        content = "no label" if bad else encoded(pdf(text))
        return {"contentType": kind, "docType": "PDF", "encodedLabel": content}

    return {
        "masterTrackingNumber": pieces[0],
        "pieceResponses": [
            {
                "masterTrackingNumber": pieces[0],
                "trackingNumber": number,
                "packageSequenceNumber": place,
                "packageDocuments": [document("LABEL", number)],
            }
            for place, number in enumerate(pieces, 1)
        ],
        "shipmentDocuments": [document("COMMERCIAL_INVOICE", "Commercial invoice")],
        "alerts": [],
    }


def _cancel(depot: Depot, body: Record) -> Answer:
    held = depot.found(str(body.get("trackingNumber")))
    if held is None or held.stage != "created":
        words = "Unable to cancel the shipment."
        return _errors(400, ("SHIPMENT.DELETE.FAILURE", words))
    held.scans.append(Scan("cancelled", depot.clock.now()))
    return _ok(cancelledShipment=True, cancelledHistory=True, successMessage="Success")
