"""Sri Lankan couriers: each its own address, authentication, words and order of events."""

import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from sandbox.couriers.depot import Consignment, Depot, Record, Scan
from sandbox.couriers.labels import encoded, pdf
from sandbox.faults import RequestFault
from sandbox.http import Answer, Call, json_answer

PER_S, PER_DAY = None, None


def error(fault: RequestFault) -> Answer:
    return json_answer(fault.status or 400, {"message": fault.message})


def limited() -> Answer:
    return json_answer(429, {"message": "Too Many Attempts."})


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(), keep_blank_values=True))


def _html(document: object) -> Answer:
    """JSON that says it is HTML."""
    return Answer(200, orjson.dumps(document), [(b"content-type", b"text/html; charset=UTF-8")])


def _take(depot: Depot, number: str, reference: object, details: Record) -> Consignment:
    return depot.add(Consignment(number, str(reference), depot.clock.now(), details=details))


def koombiyo(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """Waybill numbers come from stickers: each can be used once. Oldest first."""
    form = _form(call)
    if form.get("apikey") != depot.settings.api_key:
        return _html({"status": "error", "message": "Invalid API key"})
    if parts == ["Addorders", "users"]:
        number = form.get("orderWaybillid", "")
        if not number or depot.found(number):
            return _html({"status": "error", "message": "Waybill already used"})
        _take(depot, number, form.get("orderNo"), dict(form))
        return _html({"status": "success", "message": "Order added"})
    held = depot.found(form.get("waybillid", ""))
    scans = list(reversed(depot.scans(held))) if held else []
    return _html({"order_history": [_koombiyo_event(depot, scan) for scan in scans]})


_KOOMBIYO = {
    "created": ("1", "Processing"),
    "picked_up": ("2", "Collected by Koombiyo"),
    "in_transit": ("14", "Received at Warehouse"),
    "out_for_delivery": ("5", "Out for Delivery "),
    "delivered": ("6", "Delivered"),
    "returned": ("15", "Returned"),
}


def _koombiyo_event(depot: Depot, scan: Scan) -> Record:
    code, words = _KOOMBIYO.get(scan.stage, ("99", "Gone fishing"))
    return {
        "status_id": scan.code or code,
        "status": depot.said(scan.text or words),
        "date": f"{scan.local():%Y-%m-%d %H:%M:%S}",
        "comments": depot.said(scan.place),
    }


def fde(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """`status` is a text and no HTTP status. Tracking comes by callback only."""
    form = _form(call)
    if form.get("api_key") != depot.settings.api_key:
        return _html({"status": "211"})
    if not form.get("recipient_city"):
        return _html({"status": "209"})
    number = depot.next_number("{:08d}")
    _take(depot, number, form.get("order_id"), dict(form))
    return _html({"status": "200", "waybill_no": number})


def trans_express(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """Newest first, UTC with microseconds, 201 for a question."""
    if call.header(b"authorization") != f"Bearer {depot.settings.api_key}":
        return json_answer(401, {"message": "Unauthenticated."})
    body = call.json_object()
    if parts == ["tracking"]:
        held = depot.found(str(body.get("waybill_id")))
        if held is None:
            return json_answer(404, {"message": "Waybill not found"})
        history = [
            {
                "name": _words(_TRANS_EXPRESS, scan),
                "remarks": depot.said(""),
                "added_date": f"{scan.utc():%Y-%m-%dT%H:%M:%S}.000000Z",
            }
            for scan in depot.scans(held)
        ]
        current = history[0]["name"] if history else None
        data = {"waybill_id": held.number, "current_status": current, "status_history": history}
        return json_answer(201, {"data": data})
    if not body.get("city"):
        return json_answer(422, {"message": "The city field is required."})
    number = depot.next_number("AT{:06d}")
    _take(depot, number, body.get("order_no"), body)
    order = {"waybill_id": number, "order_no": body.get("order_no"), "cod": str(body.get("cod"))}
    return json_answer(200, {"success": "Record successfully added", "order": order})


_TRANS_EXPRESS = {
    "created": "Processing", "picked_up": "Picked Up", "in_transit": "In Transit",
    "out_for_delivery": "Out for Delivery", "delivered": "Delivered", "failed": "Failed",
    "returned": "Returned", "cancelled": "Cancelled",
}  # fmt: skip


def _words(table: dict[str, str], scan: Scan) -> str:
    return scan.text or table.get(scan.stage, "Gone fishing")


def curfox(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """A login for a token, a tenant in a header, upper case, newest first."""
    settings = depot.settings
    if call.header(b"x-tenant") != settings.tenant:
        return json_answer(403, {"message": "Unknown tenant"})
    if parts == ["login"]:
        body = call.json_object()
        if (body.get("email"), body.get("password")) != (settings.username, settings.password):
            return json_answer(422, {"message": "These credentials do not match our records."})
        return json_answer(200, {"token": depot.token("all", secrets.token_hex(16))})
    if not depot.valid(call.header(b"authorization"), "all"):
        return json_answer(401, {"message": "Unauthenticated."})
    if parts == ["order", "tracking-info"]:
        held = depot.found(call.query.get("waybill_number", ""))
        scans = depot.scans(held) if held else []
        return json_answer(200, {"data": [_curfox_event(scan) for scan in scans]})
    order = call.json_object()["order_data"][0]
    if not order.get("destination_city_name"):
        errors = {"destination_city_name": ["The destination city name field is required."]}
        return json_answer(422, {"message": "The given data was invalid.", "errors": errors})
    number = depot.next_number("CF{:07d}")
    _take(depot, number, order.get("order_no"), order)
    return json_answer(200, {"message": "Order created", "data": [number]})


_CURFOX = {
    "created": "CONFIRMED", "picked_up": "PICKED UP", "in_transit": "DISPATCH TO ORIGIN WAREHOUSE",
    "out_for_delivery": "ASSIGNED TO DESTINATION RIDER", "delivered": "DELIVERED",
    "failed": "FAILED TO DELIVER", "returned": "RETURN TO CLIENT", "cancelled": "CANCELLED",
}  # fmt: skip


def _curfox_event(scan: Scan) -> Record:
    at = f"{scan.utc():%Y-%m-%dT%H:%M:%S}.000000Z"
    return {"status": {"name": _words(_CURFOX, scan)}, "date_time": at, "user": None}


def citypak(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """The token is in the body of a creation and in a header elsewhere. Latin letters only."""
    token = depot.settings.api_key
    if (call.method, parts[-1]) == ("POST", "orders"):
        body = call.json_object()
        if body.get("token") != token:
            return json_answer(401, {"success": False, "message": "Invalid token"})
        if not call.body.isascii():
            return json_answer(422, {"success": False, "message": "ASCII only"})
        number = depot.next_number("CP{:08d}")
        held = _take(depot, number, body.get("reference"), body)
        made = {"order_id": held.number[2:], "items": [{"tracking_number": number}]}
        return json_answer(201, {"success": True, "data": made})
    if call.header(b"authorization") != f"Bearer {token}":
        return json_answer(401, {"success": False, "message": "Invalid token"})
    if parts[-1] == "waybills":
        held_ = depot.found(f"CP{parts[-2]}")
        if held_ is None:
            return json_answer(404, {"success": False, "message": "Order not found"})
        content = b"no label" if depot.settings.label_fails else pdf(held_.number)
        return Answer(200, content, [(b"content-type", b"application/pdf")])
    found = depot.found(call.query.get("tracking_number", ""))
    if found is None:
        document = {"success": False, "message": "Invalid Tracking Number", "data": []}
        return json_answer(200, document)
    history = [_citypak_event(depot, scan) for scan in depot.scans(found)]
    status = history[0]["status_type"] if history else None
    data: Record = {"status": status, "tracking_history": history}
    return json_answer(200, {"success": True, "data": data})


_CITYPAK = {
    "created": "Order Created", "picked_up": "First Mile Receive Scan", "in_transit": "In Transit",
    "out_for_delivery": "Out for Delivery", "delivered": "Delivered", "failed": "Not Delivered",
    "returned": "Returned to Merchant",
}  # fmt: skip


def _citypak_event(depot: Depot, scan: Scan) -> Record:
    return {
        "status_code": scan.code or scan.stage.upper()[:3],
        "status_type": _words(_CITYPAK, scan),
        "description": depot.said(""),
        "location": scan.place,
        "date": f"{scan.local():%d-%m-%Y}",
        "time": f"{scan.local():%H:%M:%S}",
    }


def skynet(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """Lists of one, a twelve-hour clock in UTC."""
    if call.header(b"token") != depot.settings.api_key:
        return json_answer(401, {"ErrMessage": "Invalid token"})
    if call.method == "POST":
        package = orjson.loads(call.body)[0]["PackageDetails"]
        number = depot.next_number("SKN{:07d}")
        _take(depot, number, package.get("AlternateRef"), package)
        return json_answer(200, [{"ShipmentNumber": number, "ErrMessage": ""}])
    held = depot.found(call.query.get("ReferenceNumber", ""))
    details = [
        {
            "TrackingEventName": _words(_SKYNET, scan),
            "TrackingLocation": scan.place,
            "TrackingUTCDate": f"{scan.utc():%Y/%m/%d %I:%M:%S %p}",
        }
        for scan in (depot.scans(held) if held else [])
    ]
    return json_answer(200, {"ShipmentNumber": held and held.number, "TrackingDetail": details})


_SKYNET = {
    "created": "Shipment created", "picked_up": "Collected", "in_transit": "In transit",
    "out_for_delivery": "Out for delivery", "delivered": "Delivered",
    "failed": "Delivery attempted", "returned": "Returned to sender",
}  # fmt: skip


def ceylinco(depot: Depot, call: Call, parts: list[str]) -> Answer:
    """As its template profile guesses: nothing of Ceylinco is public."""
    if call.header(b"x-api-key") != depot.settings.api_key:
        return json_answer(401, {"message": "Invalid key"})
    if call.method == "POST":
        body = call.json_object()
        number = depot.next_number("CEY{:06d}")
        _take(depot, number, body.get("reference"), body)
        label = "no label" if depot.settings.label_fails else encoded(pdf(number))
        return json_answer(201, {"waybill": number, "label": label})
    held = depot.found(parts[-1])
    if held is None:
        return json_answer(404, {"message": "No such waybill"})
    events = [
        {
            "code": _words(_CEYLINCO, scan),
            "status": depot.said(_words(_CEYLINCO, scan).capitalize()),
            "place": scan.place,
            "time": f"{scan.local():%d/%m/%Y %H:%M}",
        }
        for scan in depot.scans(held)
    ]
    current = events[0]["code"] if events else None
    return json_answer(200, {"waybill": held.number, "status": current, "events": events})


_CEYLINCO = {
    "created": "booked", "picked_up": "collected", "in_transit": "on the way",
    "out_for_delivery": "with rider", "delivered": "delivered", "failed": "failed",
    "returned": "returned", "cancelled": "cancelled",
}  # fmt: skip

Handler = Callable[[Depot, Call, list[str]], Answer]
HANDLERS: dict[str, Handler] = {
    "koombiyo": koombiyo,
    "fde": fde,
    "trans_express": trans_express,
    "curfox": curfox,
    "citypak": citypak,
    "skynet": skynet,
    "ceylinco": ceylinco,
}
