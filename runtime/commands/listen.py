"""`smartstore listen`: what happens, line by line, as it happens."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization

if TYPE_CHECKING:
    from api.clients.realtime import RealTimeSync, TicketGetter
    from schemas.live import LiveEvent

_INTERRUPTED = 130
_VALUES = 3
_LABEL = 28


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(listen)


def listen(
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only these: product, order, ...")
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option("--source", help="Only by or to these platforms.")
    ] = None,
    entities: Annotated[list[str] | None, typer.Option("--entity", help="Only these ids.")] = None,
    since: Annotated[
        str, typer.Option(help="A cursor, the last word of a line: everything after it first.")
    ] = "",
    count: Annotated[int, typer.Option(help="Stop after so many; 0: never.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    organization: Organization = "",
    url: Annotated[
        str, typer.Option(envvar="SMARTSTORE_URL", help="Another server's address.")
    ] = "",
    key: Annotated[
        str, typer.Option(envvar="SMARTSTORE_API_KEY", help="API key, for --url.", show_envvar=True)
    ] = "",
) -> None:
    """Show events as they happen, until Ctrl-C. Lost connections are made again, without gap or
    repeat."""
    from api.clients.realtime import RealTimeSync, SyncError

    if url and not key:
        raise SmartStoreError("--url needs a key", fix="SMARTSTORE_API_KEY=… smartstore listen")
    ticket: TicketGetter | None = None
    if not url:
        url, organization, ticket = _local(organization)
    try:
        sync = RealTimeSync(
            url,
            organization,
            key if ticket is None else "",
            ticket=ticket,
            types=types or (),
            entities=entities or (),
            sources=sources or (),
            cursor=since,
            on_state=_tell_state,
        )
        asyncio.run(_show(sync, as_json, count))
    except SyncError as error:
        raise CannotServe(
            str(error), fix=error.problem.get("help") or "smartstore status tells what runs"
        ) from error
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:  # `smartstore listen | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _local(organization: str) -> tuple[str, str, TicketGetter]:
    """Address, organisation and tickets of what runs here: whoever may read its folder may listen
    without a key."""
    from runtime import state
    from runtime.demo.handle import demo_home
    from runtime.here import here

    found = here()
    running = state.read(found.home) or state.read(demo_home())
    if running is None:
        raise CannotServe(
            "nothing runs here",
            fix="smartstore up, or --url https://your-smartstore and SMARTSTORE_API_KEY",
        )
    organization_id = organization or found.organization_id
    endpoints = found.endpoints()

    async def ticket() -> str:
        from pymongo.errors import PyMongoError

        from api.clients.realtime import SyncError
        from api.deps import Caller, ticket_for
        from api.tokens import Tickets
        from streams.cache import open_cache
        from streams.database import open_database

        database, cache = open_database(endpoints), open_cache(endpoints)
        try:
            caller = Caller(organization_id, "cli", who="cli", credential="cli:")
            return await Tickets(cache, database).issue(ticket_for(caller))
        except PyMongoError as error:
            raise SyncError("neither Redis nor MongoDB answers") from error
        finally:
            await cache.aclose()
            await database.client.close()

    return running.url, organization_id, ticket


async def _show(sync: RealTimeSync, as_json: bool, count: int) -> None:
    shown = 0
    async with sync:
        async for event in sync.events():
            sys.stdout.write((json_line(event) if as_json else line(event)) + "\n")
            sys.stdout.flush()
            shown += 1
            if shown == count:
                return


def _tell_state(connected: bool, why: str) -> None:
    """On standard error, where it is in nobody's way."""
    word = "listening" if connected else f"connection lost ({why}); trying again"
    sys.stderr.write(f"smartstore: {word}\n")


def json_line(event: LiveEvent) -> str:
    """As clients get it."""
    from api.shapes import to_json

    return to_json(event).decode()


def line(event: LiveEvent) -> str:
    """`10:30:00  stock  Ceylon BOPF 400 g  WooCommerce changed stock (stock: 7)  2-118`."""
    from api.pages.words import event_title, field_word, latency_word, type_word, value_word

    said = event_title(
        event.kind,
        event.source,
        event.replica,
        list(event.data),
        latency_word(event.latency_ms),
    )
    values = [
        f"{field_word(name)}: {value_word(value, name)}"
        for name, value in list(event.data.items())[:_VALUES]
    ]
    if event.reason:
        values.append(event.reason)
    detail = f" ({', '.join(values)})" if values else ""
    label = event.label or event.entity_id
    label = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
    clock = event.timestamp[11:19]
    return _plain(
        f"{clock}  {type_word(event.type):<9}  {label:<{_LABEL}}  {said}{detail}  {event.cursor}"
    )


def _plain(text: str) -> str:
    """A customer's text must not move the cursor or colour the terminal."""
    return "".join(one if one.isprintable() else " " for one in text)
