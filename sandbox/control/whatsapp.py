"""Control of WhatsApp numbers: make them, write as customers, read what was sent."""

from typing import Any

from sandbox.http import Call
from sandbox.whatsapp import inbound, templates
from sandbox.whatsapp.number import Number, Settings
from sandbox.world import ControlError, World, settings_from

Record = dict[str, Any]


async def do(world: World, call: Call, parts: list[str]) -> Any:
    if not parts:
        if call.method == "POST":
            body = call.json_object()
            number_id, templates = str(body.pop("id", "")), body.pop("templates", [])
            return _described(world.create_number(number_id, body, templates))
        return [_described(number) for number in world.numbers.values()]
    number = world.numbers.get(parts[0])
    if number is None:
        raise ControlError(404, f"no number {parts[0]}")
    match (call.method, *parts[1:]):
        case ("GET",):
            return _described(number)
        case ("PATCH",):
            number.settings = settings_from(Settings, call.json_object(), number.settings)
            return _described(number)
        case ("DELETE",):
            del world.numbers[number.id]
            return _described(number)
        case ("GET", what):
            return _read(world, number, what)
        case ("POST", "verify"):
            return {"verified": await world.outbound.verify(number)}
        case ("DELETE", "faults"):
            number.faults.clear()
            return {"requests": 0}
        case ("POST", what):
            return _act(world, number, call.json_object(), what)
    raise ControlError(404, f"no action {call.method} {call.path}")


def _described(number: Number) -> Record:
    settings = number.settings
    return {
        "id": number.id,
        "account_id": settings.account_id,
        "display_phone_number": settings.display_phone_number,
        "catalog_id": settings.catalog_id,
        "access_token": settings.access_token,
        "app_secret": settings.app_secret,
        "verify_token": settings.verify_token,
        "webhook_url": settings.webhook_url,
        "templates": [f"{name}/{language}" for name, language in number.templates],
    }


def dump(world: World, number: Number) -> Record:
    held = world.catalogues[number.settings.catalog_id]
    return {
        "messages": number.messages,
        "inbound": number.inbound,
        "catalogue": held.items,
        "catalogue_writes": held.log,
        "batches": [
            {"handle": batch.handle, "status": batch.status, "errors": batch.errors}
            for batch in held.batches.values()
        ],
    }


def _read(world: World, number: Number, what: str) -> Any:
    found = dump(world, number)
    if what == "dump":
        return found
    names = {"messages": "messages", "inbound": "inbound", "catalogue": "catalogue",
             "writes": "catalogue_writes", "batches": "batches"}  # fmt: skip
    if what not in names:
        raise ControlError(404, f"nothing called {what}")
    return found[names[what]]


def _act(world: World, number: Number, body: Record, what: str) -> Any:
    held = world.catalogues[number.settings.catalog_id]
    match what:
        case "inbound":
            document = inbound.receive(number, held, world.whatsapp.files, body)
            world.outbound.push(number, document)
            return document
        case "news":
            document = inbound.news(number, str(body["field"]), dict(body["value"]))
            world.outbound.push(number, document)
            return document
        case "faults":
            number.faults.configure(body)
            return {"requests": len(number.faults.requests)}
        case "templates":
            known = number.templates.get((body["name"], body["language"]))
            if known is not None and set(body) == {"name", "language", "status"}:
                templates.change_status(number, known, body["status"], world.outbound)
            else:
                world.add_template(number, body)
            return _described(number)
        case "catalogue":
            held.refused = {**held.refused, **body.get("refuse", {})}
            for sku, item in body.get("items", {}).items():
                held.items[sku] = dict(item)
                held.numbers.setdefault(sku, str(7_000_000_000_000_000 + len(held.numbers)))
            return {"items": len(held.items)}
        case "finish-batches":
            return {"finished": world.whatsapp.finish_batches(number)}
        case "windows":
            opened = number.clock.now() - float(body.get("seconds_ago", 0))
            number.windows[str(body["customer"]).lstrip("+")] = opened
            return {"open": number.window_open(str(body["customer"]).lstrip("+"))}
        case "next":
            number.preset_ids.extend(body.get("message_ids", []))
            number.fail_next.extend(body.get("failures", []))
            held.preset_handles.extend(body.get("handles", []))
            return {"status": "ok"}
    raise ControlError(404, f"no action {what}")
