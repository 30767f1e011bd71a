"""`smartstore couriers list | add | test | remove | track | ship | manifest | cod`: couriers and
their parcels at the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization

if TYPE_CHECKING:
    from streams.couriers.service import Opened

T = TypeVar("T")
Row = dict[str, Any]

Code = Annotated[str, typer.Argument(metavar="COURIER", help="aramex, dhl, fedex, ups, ...")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Pairs = Annotated[list[str] | None, typer.Option(help="name=value; may be repeated.")]

ZONE = "Asia/Colombo"
MOST_A_DAY = 5_000

couriers = typer.Typer(
    help="Couriers: connect them, follow parcels, make labels, settle cash on delivery.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(couriers, name="couriers")


@couriers.command(name="list")
def list_(organization: Organization = "", as_json: AsJson = False) -> None:
    """Every courier there is, and how it is connected."""
    from connectors.couriers.registry import courier
    from connectors.couriers.registry import couriers as known

    async def read(use: Opened, org: str) -> list[Row]:
        found = {
            one.settings.get("courier", ""): one
            for one in await use.directory.integrations(org)
            if one.platform == "courier"
        }
        rows = []
        for code in dict.fromkeys((*known(), *sorted(found))):
            held = found.get(code)
            state = "not connected"
            if held is not None:
                state = held.trouble or ("connected" if held.active else "paused")
            name = courier(code).name if code in known() else code
            rows.append({"code": code, "name": name, "state": state})
        return rows

    rows = _run(read, organization)
    _show(rows, as_json, lambda row: f"{row['code']:<14} {row['name']:<28} {row['state']}")


@couriers.command()
def add(
    code: Code,
    setting: Pairs = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="name=value, or the name alone to be asked for it; may be repeated."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(help="The file of a courier that is not shipped.")
    ] = None,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Connect it; again: change what is given. `smartstore couriers fields` names what it needs."""
    from connectors.couriers.generic import BadProfile

    given = {
        "code": code,
        "settings": dict(_pair(one) for one in setting or []),
        "secrets": dict(_secret(one) for one in secret or []),
        "profile": _text(profile) if profile else "",
    }

    async def do(use: Opened, org: str) -> Row:
        from connectors.couriers.service import SriLankaCourierService
        from streams.couriers.service import DirectoryStore

        service = SriLankaCourierService(DirectoryStore(use.directory))
        made = await service.add_courier({**given, "organizationId": org})
        return {"code": code, "replica": made.replica, "state": "connected"}

    try:
        made = _run(do, organization)
    except BadProfile as error:
        lines = "\n  ".join(f"line {one.line}, {one.where}: {one.reason}" for one in error.mistakes)
        raise SmartStoreError(f"{profile} has mistakes:\n  {lines}", fix="correct them") from error
    _show(
        made, as_json, lambda row: f"{code} is connected. Try it: smartstore couriers test {code}"
    )


@couriers.command()
def fields(code: Code, as_json: AsJson = False) -> None:
    """What a courier wants to know."""
    from connectors.couriers.registry import UnknownCourier, courier

    try:
        wanted = courier(code).fields
    except UnknownCourier as error:
        raise SmartStoreError(str(error), fix="smartstore couriers list") from error
    rows = [
        {
            "name": one.name,
            "option": "--secret" if one.secret else "--setting",
            "required": one.required and not one.default,
            "help": one.help or one.label,
        }
        for one in wanted
    ]
    _show(
        rows,
        as_json,
        lambda row: (
            f"{row['option']:<10} {row['name']:<20} "
            f"{'required' if row['required'] else '':<9} {row['help']}"
        ),
    )


@couriers.command(name="test")
def try_(code: Code, organization: Organization = "", as_json: AsJson = False) -> None:
    """Ask it for a number that nobody has: the answer tells whether the keys are right."""

    async def do(use: Opened, org: str) -> Row:
        from streams.couriers.paces import account_of

        connection = await _connection(use, org, code)
        client = await use.parts.lines.client(connection)
        await use.parts.paces.reserve(account_of(connection), client.traits.pace)
        return {"code": code, "ok": True, "found": await client.probe()}

    _show(_run(do, organization), as_json, lambda row: str(row["found"]))


@couriers.command()
def remove(
    code: Code,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organization: Organization = "",
) -> None:
    """Forget it and its keys. Its shipments stay."""
    if not yes:
        typer.confirm(f"Forget {code} and its keys?", abort=True)

    async def do(use: Opened, org: str) -> None:
        connection = await _connection(use, org, code)
        await use.directory.remove(org, connection.id)

    _run(do, organization)
    _say(f"{code} is removed.")


@couriers.command()
def track(
    number: Annotated[str, typer.Argument(help="The tracking number.")],
    courier: Annotated[str, typer.Option(help="Whose number; known for followed parcels.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Where a parcel is, asked now."""

    async def read(use: Opened, org: str) -> Row:
        from streams.couriers.service import CourierService

        code = courier
        if not code:
            place = {"organizationId": org, "number": number}
            row = await use.database["ss_tracking"].find_one(place, {"courier": 1})
            code = str(row["courier"]) if row else ""
        if not code:
            raise SmartStoreError(
                f"nobody follows {number} here", fix=f"smartstore couriers track {number} --courier"
            )
        service = CourierService(use.database, use.directory, use.parts)
        try:
            return await service.track_shipment(number, code, org)
        finally:
            await service.close()

    def line(row: Row) -> str:
        head = f"{row['status']}  {row['location']}  {row['timestamp'] or ''}".rstrip()
        way = [
            f"  {event['timestamp'] or '':<21} {event['status']:<18} {event['description']}"
            for event in row["events"]
        ]
        return "\n".join([head, *way])

    _show(_run(read, organization), as_json, line)


@couriers.command()
def ship(
    orders: Annotated[list[str], typer.Argument(help="Order numbers or ids.")],
    courier: Annotated[str, typer.Option(help="Who carries them.")],
    weight: Annotated[str, typer.Option(help="Of each, in kg; else the courier's usual.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Make labels, one an order; the same order again makes nothing twice."""

    async def do(use: Opened, org: str) -> list[Row]:
        return [await _shipped(use, org, courier, name, weight) for name in dict.fromkeys(orders)]

    rows = _run(do, organization)
    _show(rows, as_json, lambda row: f"{row['order']:<26} {row['state']:<10} {row['told']}")
    if any(row["state"] == "refused" for row in rows):
        raise typer.Exit(1)


async def _shipped(use: Opened, org: str, code: str, name: str, weight: str) -> Row:
    from pydantic import ValidationError

    from streams.couriers.finding import find_order
    from streams.couriers.orders import Incomplete, request_of, whole_name
    from streams.couriers.places import WrongPlace

    connection = await _connection(use, org, code)
    order = await find_order(use.database, org, name)
    given: Row = {
        "courierCode": code,
        "orderId": whole_name(order, name),
        "organizationId": org,
        **({"package": {"weight": weight}} if weight else {}),
    }
    try:
        request = request_of(given, order, connection.settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return {"order": name, "state": "refused", "told": str(first["msg"])}
    except (Incomplete, WrongPlace) as error:
        return {"order": name, "state": "refused", "told": str(error)}
    order_id = order.entity_id if order is not None else name
    made = await use.parts.shipper.ship(await use.parts.shipments.want(org, order_id, "1", request))
    return {"order": name, "state": made.state, "told": made.number or made.reason, "id": made.id}


@couriers.command()
def manifest(
    day: Annotated[str, typer.Option(help="2026-11-23; else today.")] = "",
    courier: Annotated[str, typer.Option(help="Only this one's.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """What was handed over on a day, as CSV."""
    from streams.couriers.manifest import COLUMNS, as_csv, rows_of

    zone = ZoneInfo(ZONE)
    try:
        begin = datetime.fromisoformat(day) if day else datetime.now(zone)
    except ValueError as error:
        raise SmartStoreError(f"{day} is no day", fix="--day 2026-11-23") from error
    begin = begin.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=zone)

    async def read(use: Opened, org: str) -> list[tuple[str, ...]]:
        found = await use.parts.shipments.newest(
            org,
            courier=courier,
            from_ms=int(begin.timestamp() * 1000),
            to_ms=int((begin + timedelta(days=1)).timestamp() * 1000),
            limit=MOST_A_DAY,
        )
        return rows_of(found)

    rows = _run(read, organization)
    if as_json:
        _say(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], ensure_ascii=False))
    else:
        _say(as_csv(rows).rstrip())


@couriers.command()
def cod(
    courier: Annotated[str, typer.Option(help="Only this one's.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Cash on delivery: expected, collected, paid out, and what is missing."""

    async def read(use: Opened, org: str) -> list[Row]:
        return await use.parts.cash.totals(org, courier)

    def line(row: Row) -> str:
        parts = [f"{name} {amount}" for name, amount in row["amounts"].items() if amount != "0"]
        told = f"{row['courierCode']:<12} {row['currency']} {', '.join(parts) or 'nothing'}"
        return f"{told}; difference {row['difference']}"

    rows = _run(read, organization)
    if not rows and not as_json:
        _say("No parcel with cash on delivery.")
    _show(rows, as_json, line)


async def _connection(use: Opened, org: str, code: str) -> Any:
    found = await use.directory.connection(org, f"courier:{code}")
    if found is None:
        raise SmartStoreError(f"{code} is not connected", fix=f"smartstore couriers add {code}")
    return found


def _run(work: Callable[[Opened, str], Awaitable[T]], organization: str) -> T:
    from runtime.here import here

    found = here()
    return asyncio.run(_with(found, work, organization or found.organization_id))


async def _with(place: Any, work: Callable[[Opened, str], Awaitable[T]], org: str) -> T:
    """Errors as one line each with the way out."""
    from pydantic import ValidationError
    from pymongo.errors import PyMongoError

    from connectors.couriers.registry import UnknownCourier
    from connectors.errors import ConnectorError
    from streams.couriers.paces import NotNow
    from streams.couriers.service import opened
    from streams.directory import DirectoryError
    from streams.kafka.publisher import PublishFailed

    try:
        async with opened(place.endpoints(), place.home) as use:
            return await work(use, org)
    except (UnknownCourier, DirectoryError) as error:
        raise SmartStoreError(str(error), fix="smartstore couriers list") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise SmartStoreError(str(first["msg"]), fix="smartstore couriers fields") from error
    except (ConnectorError, NotNow) as error:
        raise SmartStoreError(
            f"the courier says: {error}", fix="smartstore couriers test"
        ) from error
    except (PyMongoError, PublishFailed) as error:
        raise CannotServe(
            f"MongoDB or Kafka does not answer: {type(error).__name__}", fix="smartstore up"
        ) from error


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise SmartStoreError(f"{given} is not name=value")
    return name, value


def _secret(given: str) -> tuple[str, str]:
    """A name alone is asked for, so that it does not stand in the shell's history."""
    if "=" in given:
        return _pair(given)
    return given, str(typer.prompt(given, hide_input=True))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SmartStoreError(f"{path}: {error.strerror}") from error


def _show(found: Row | list[Row], as_json: bool, line: Callable[[Row], str]) -> None:
    if as_json:
        _say(json.dumps(found, ensure_ascii=False))
        return
    for row in found if isinstance(found, list) else [found]:
        _say(line(row))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
