"""Aramex's JSON flavour: HTTP 200 to everything, dates as .NET writes them."""

from typing import Any

from sandbox.couriers.depot import Consignment, Depot, Record, Scan
from sandbox.couriers.labels import aramex_bytes, pdf
from sandbox.faults import RequestFault
from sandbox.http import Answer, Call, json_answer

PER_S, PER_DAY = None, None
LABEL_LIFETIME_S = 3600
WORDS = {
    "created": ("SH014", "Record created."),
    "picked_up": ("SH012", "Picked Up From Shipper"),
    "in_transit": ("SH022", "Departed Operations facility - In Transit"),
    "out_for_delivery": ("SH003", "Out for Delivery"),
    "delivered": ("SH005", "Delivered"),
    "failed": ("SH033", "Attempted Delivery - Customer Not Available"),
    "returned": ("SH069", "Returned to Shipper"),
    "cancelled": ("SH313", "Shipment cancelled"),
    "info": ("SH382", "Consignee contacted"),
    "unlisted": ("SH999", "Gone fishing"),
}
REQUIRED = (("City", "REQ14", "Consignee - City is required"),)


def handle(depot: Depot, call: Call, parts: list[str]) -> Answer:
    if parts[:2] == ["content", "rpt_cache"] and call.method == "GET":
        return _cached_label(depot, parts[-1])
    if b"application/json" not in call.headers.get(b"accept", b""):
        return Answer(200, b"<Response/>", [(b"content-type", b"application/xml")])
    body = call.json_object()
    if not _known(depot, body.get("ClientInfo") or {}):
        return _failed("ERR01", "ClientInfo - Invalid username or password")
    match (call.method, parts[-1]):
        case ("POST", "TrackShipments"):
            return _track(depot, body)
        case ("POST", "CreateShipments"):
            return _create(depot, call, body)
        case ("POST", "PrintLabel"):
            return _print(depot, body)
    return Answer(404, b"<html>Service</html>", [(b"content-type", b"text/html")])


def error(fault: RequestFault) -> Answer:
    """Its own words, with HTTP 200."""
    return _failed(str(fault.code), fault.message)


def limited() -> Answer:
    return _failed("ERR99", "Too many requests, please slow down")


def _known(depot: Depot, client: Record) -> bool:
    settings = depot.settings
    return (
        client.get("UserName") == settings.username
        and client.get("Password") == settings.password
        and client.get("AccountNumber") == settings.account_number
        and client.get("AccountPin") == settings.account_pin
    )


def _failed(code: str, message: str) -> Answer:
    return _answer([{"Code": code, "Message": message}], TrackingResults=[], Shipments=None)


def _answer(notifications: list[Record], failed: bool | None = None, **more: Any) -> Answer:
    wrong = bool(notifications) if failed is None else failed
    transaction = {f"Reference{place}": "" for place in range(1, 6)}
    document = {"Transaction": transaction, "Notifications": notifications, "HasErrors": wrong}
    return json_answer(200, {**document, **more})


def _date(scan: Scan) -> str:
    sign = "-" if scan.offset_min < 0 else "+"
    hours, minutes = divmod(abs(scan.offset_min), 60)
    return f"/Date({int(scan.at * 1000)}{sign}{hours:02d}{minutes:02d})/"


def _track(depot: Depot, body: Record) -> Answer:
    results, missing = [], []
    for asked in body.get("Shipments") or []:
        held = depot.found(asked)
        shipments = [held] if held else list(depot.by_reference(asked))
        if not shipments:
            missing.append(asked)
            continue
        updates = [_update(depot, one, scan) for one in shipments for scan in depot.scans(one)]
        results.append({"Key": asked, "Value": updates})
    return _answer([], TrackingResults=results, NonExistingWaybills=missing)


def _update(depot: Depot, held: Consignment, scan: Scan) -> Record:
    code, words = WORDS[scan.stage]
    return {
        "WaybillNumber": held.number,
        "UpdateCode": scan.code or code,
        "UpdateDescription": depot.said(scan.text or words),
        "UpdateDateTime": _date(scan),
        "UpdateLocation": f"{scan.place}, Sri Lanka",
        "Comments": depot.said(""),
        "ProblemCode": "A07" if scan.stage == "failed" else "",
        "GrossWeight": "1.2",
        "ChargeableWeight": "1.2",
        "WeightUnit": "KG",
    }


def _create(depot: Depot, call: Call, body: Record) -> Answer:
    kind = (body.get("LabelInfo") or {}).get("ReportType", "URL")
    made = [_created(depot, call, kind, one) for one in body.get("Shipments") or []]
    return _answer([], any(one["HasErrors"] for one in made), Shipments=made)


def _created(depot: Depot, call: Call, kind: str, shipment: Record) -> Record:
    reference, details = shipment.get("Reference1", ""), shipment["Details"]
    address = shipment["Consignee"]["PartyAddress"]
    wrong = [{"Code": c, "Message": words} for name, c, words in REQUIRED if not address.get(name)]
    if details["ProductGroup"] == "EXP" and not details.get("CustomsValueAmount"):
        words = "Product Type is dutiable. Customs Amount is required"
        wrong.append({"Code": "REQ38", "Message": words})
    found: Record = {
        "ID": None,
        "Reference1": reference,
        "ForeignHAWB": None,
        "HasErrors": bool(wrong),
        "Notifications": wrong,
        "ShipmentLabel": None,
        "ShipmentDetails": None,
    }
    if wrong:
        return found
    number = depot.next_number("5041{:07d}")
    depot.add(Consignment(number, reference, depot.clock.now(), details=shipment))
    label: Record = {"LabelURL": None, "LabelFileContents": []}
    if kind == "URL":
        root = call.url.split("/ShippingAPI.V2")[0]
        label["LabelURL"] = f"{root}/content/rpt_cache/{number}.pdf"
    else:
        label["LabelFileContents"] = _label(depot, number)
    return {
        **found,
        "ID": number,
        "ForeignHAWB": "",
        "ShipmentLabel": label,
        "ShipmentDetails": {
            "Origin": "CMB",
            "Destination": "KDY",
            "ProductGroup": details["ProductGroup"],
            "NumberOfPieces": details["NumberOfPieces"],
        },
    }


def _label(depot: Depot, number: str) -> list[Any]:
    return aramex_bytes(b"no label" if depot.settings.label_fails else pdf(number))


def _print(depot: Depot, body: Record) -> Answer:
    number = str(body.get("ShipmentNumber"))
    if depot.found(number) is None:
        return _answer([{"Code": "ERR52", "Message": "Shipment number does not exist"}])
    label = {"LabelURL": None, "LabelFileContents": _label(depot, number)}
    return _answer([], ShipmentNumber=number, ShipmentLabel=label)


def _cached_label(depot: Depot, name: str) -> Answer:
    held = depot.found(name.removesuffix(".pdf"))
    if held is None or depot.clock.now() - held.created_at > LABEL_LIFETIME_S:
        return Answer(404, b"<html>404</html>", [(b"content-type", b"text/html")])
    content = b"no label" if depot.settings.label_fails else pdf(held.number)
    return Answer(200, content, [(b"content-type", b"application/pdf")])
