"""Control of courier accounts: make them, move their shipments on, see what was sent."""

from dataclasses import asdict, fields
from typing import Any

from sandbox.clock import parse_iso
from sandbox.couriers.api import KINDS
from sandbox.couriers.depot import STAGES, Consignment, Depot, Scan, Settings, advanced
from sandbox.http import Call
from sandbox.world import ControlError, World, settings_from

Record = dict[str, Any]

SCAN = {one.name for one in fields(Scan)} - {"stage"}


async def do(world: World, call: Call, parts: list[str]) -> Any:
    if not parts:
        if call.method == "POST":
            return _make(world, call)
        return [_described(depot) for depot in world.depots.values()]
    depot = world.depots.get(parts[0])
    if depot is None:
        raise ControlError(404, f"no courier account {parts[0]}")
    match (call.method, *parts[1:]):
        case ("GET",):
            return _described(depot)
        case ("PATCH",):
            depot.settings = settings_from(Settings, call.json_object(), depot.settings)
            return _described(depot)
        case ("DELETE",):
            del world.depots[depot.name]
            return _described(depot)
        case ("GET", "calls"):
            return depot.calls
        case ("GET", "shipments"):
            reference = call.query.get("reference")
            listed = depot.consignments.values()
            return [_shown(one) for one in listed if reference in (None, one.reference)]
        case ("GET", "shipments", number):
            return _shown(_held(depot, number))
        case ("POST", "shipments"):
            return _shown(_load(depot, call.json_object()))
        case ("POST", "shipments", number, "scans"):
            return _scan(depot, _held(depot, number), call.json_object())
        case ("POST", "advance"):
            return _advance(depot, call.json_object())
        case ("POST", "expire-tokens"):
            ended = len(depot.tokens)
            depot.tokens.clear()
            return {"ended": ended}
        case ("POST", "faults"):
            depot.faults.configure(call.json_object())
            return {"requests": len(depot.faults.requests)}
        case ("DELETE", "faults"):
            depot.faults.clear()
            return {"requests": 0}
    raise ControlError(404, f"no action {call.method} {call.path}")


def _make(world: World, call: Call) -> Record:
    body = call.json_object()
    kind = str(body.pop("kind", ""))
    name = str(body.pop("name", kind))
    if kind not in KINDS:
        raise ControlError(400, f"no courier is called {kind!r}; known: {', '.join(KINDS)}")
    if not name or "/" in name or name in world.depots:
        raise ControlError(409 if name in world.depots else 400, f"courier account {name!r}")
    depot = Depot(name, kind, settings_from(Settings, body), world.clock)
    world.depots[name] = depot
    return _described(depot)


def _described(depot: Depot) -> Record:
    return {"name": depot.name, "kind": depot.kind, **asdict(depot.settings)}


def dump(depot: Depot) -> Record:
    return {
        **_described(depot),
        "calls": len(depot.calls),
        "shipments": [_shown(one) for one in depot.consignments.values()],
    }


def _shown(held: Consignment) -> Record:
    return {**asdict(held), "stage": held.stage}


def _held(depot: Depot, number: str) -> Consignment:
    held = depot.found(number)
    if held is None:
        raise ControlError(404, f"no shipment {number}")
    return held


def _load(depot: Depot, body: Record) -> Consignment:
    """A shipment nobody created by the interface."""
    number = str(body["number"])
    reference, pieces = str(body.get("reference", "")), [str(one) for one in body.get("pieces", [])]
    scans = [_new_scan(depot, one) for one in body.get("scans", [])]
    return depot.add(Consignment(number, reference, depot.clock.now(), pieces, scans))


def _new_scan(depot: Depot, body: Record) -> Scan:
    stage = str(body.get("stage", ""))
    unknown = set(body) - SCAN - {"stage"}
    if stage not in STAGES or unknown:
        raise ControlError(400, f"a scan has one of {', '.join(STAGES)} and {', '.join(SCAN)}")
    at = body.get("at", depot.clock.now())
    known = {name: body[name] for name in SCAN - {"at"} if name in body}
    return Scan(stage, parse_iso(at) if isinstance(at, str) else float(at), **known)


def _scan(depot: Depot, held: Consignment, body: Record) -> Record:
    held.scans.append(_new_scan(depot, body))
    return _shown(held)


def _advance(depot: Depot, body: Record) -> Record:
    """One stage further: the shipments named, or all that are under way."""
    numbers = body.get("numbers")
    moved = 0
    for held in list(depot.consignments.values()):
        stage = advanced(held) if numbers is None or held.number in numbers else ""
        if stage:
            place = body.get("place") or ("Kandy" if stage == "delivered" else "Colombo")
            held.scans.append(Scan(stage, depot.clock.now(), place))
            moved += 1
    return {"moved": moved}
