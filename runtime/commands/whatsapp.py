"""`smartstore whatsapp send | held | release | cancel | unknown | resend | templates`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from streams.whatsapp.service import WhatsAppService

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
MessageId = Annotated[str, typer.Argument(help="As `held` shows it.")]
BY = "the command line"

whatsapp = typer.Typer(
    help="Messages to customers: send, see what is held or unknown, templates.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(whatsapp, name="whatsapp")


@whatsapp.command()
def send(
    to: Annotated[str, typer.Argument(help="A phone number: 077… or +94…")],
    content: Annotated[str, typer.Argument(help="Text; for other kinds their fields as JSON.")],
    kind: Annotated[str, typer.Option(help="text, template, buttons, list, image, ...")] = "text",
    key: Annotated[str, typer.Option(help="The same key is one message.")] = "",
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Send one message. Exit status 1 where it was neither sent nor accepted."""
    given: Any = content
    if kind != "text":
        try:
            given = json.loads(content)
        except json.JSONDecodeError as error:
            raise SmartStoreError(f"the content is no JSON: {error}", fix="see --help") from error

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import message_shape

        return message_shape(await service.send_message(to, given, kind, org, key=key))

    told = _run(organization, do)
    _show(told, as_json, _message(told))
    if told["state"] not in ("sent", "accepted"):
        raise typer.Exit(1)


@whatsapp.command()
def held(organization: Organization = "", as_json: AsJson = False) -> None:
    """Messages that wait, why, and until when."""

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import message_shape

        return [message_shape(row) for row in await service.sends.list(org, states=["held"])]

    told = _run(organization, do)
    _show(told, as_json, *(map(_message, told) if told else ["Nothing is held."]))


@whatsapp.command()
def release(
    message_id: MessageId, organization: Organization = "", as_json: AsJson = False
) -> None:
    """Send a held message now: past quiet hours and the spend cap, not past Meta's rules."""

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import message_shape

        return message_shape(await service.release(org, message_id))

    told = _run(organization, do)
    _show(told, as_json, _message(told))


@whatsapp.command()
def cancel(message_id: MessageId, organization: Organization = "", as_json: AsJson = False) -> None:
    """Never send a message that waits."""

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import message_shape

        return message_shape(await service.cancel(org, message_id, BY))

    told = _run(organization, do)
    _show(told, as_json, _message(told))


@whatsapp.command()
def unknown(
    everything: Annotated[bool, typer.Option("--all", help="Those of this moment too.")] = False,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Messages of which nobody knows whether they went out."""

    async def do(service: WhatsAppService, org: str) -> Any:

        from api.whatsapp import effect_shape
        from streams.whatsapp.sends import attempt_of

        found = await service.ledger.unsettled(org, unix_ms())
        return [
            effect_shape(one, await service.sends.of_key(org, attempt_of(one.effect_key)[0]))
            for one in found
            if everything or one.listed
        ]

    told = _run(organization, do)
    lines = []
    for one in told:
        to = (one["message"] or {}).get("to", "")
        lines.append(f"{one['key']}  {to}  {one['claimedAt']}\n    {one['reason']}")
    _show(told, as_json, *(lines or ["Nothing is unknown."]))


@whatsapp.command()
def resend(
    key: Annotated[str, typer.Argument(help="As `unknown` shows it.")],
    give_up: Annotated[bool, typer.Option("--give-up", help="Leave it instead.")] = False,
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """Send an unknown message again: the customer may get it twice."""

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import message_shape

        if give_up:
            await service.give_up(org, key, BY)
            return {"key": key, "state": "given up"}
        return message_shape(await service.resend(org, key, BY))

    told = _run(organization, do)
    _show(told, as_json, _message(told) if "id" in told else f"{key} is not listed any more.")


@whatsapp.command()
def templates(organization: Organization = "", as_json: AsJson = False) -> None:
    """Templates with state and quality, as Meta last listed them, and which of ours are missing."""

    async def do(service: WhatsAppService, org: str) -> Any:
        from api.whatsapp import templates_shape

        return templates_shape(await service.templates(org))

    told = _run(organization, do)
    lines = [
        f"{one['name']} ({one['language']})  {one['status'].lower()}  quality "
        f"{one['quality'].lower()}  {one['category'].lower()}"
        for one in told["templates"]
    ]
    lines += [f"{one['name']} ({one['language']})  missing: submit it" for one in told["needed"]]
    if told["trouble"]:
        lines.append(f"Meta could not be asked: {told['trouble']}")
    _show(told, as_json, *lines)


def _run(organization: str, do: Callable[[WhatsAppService, str], Awaitable[T]]) -> T:
    """Open the system here, do it, close it. Raises SmartStoreError in words."""
    return asyncio.run(_opened(organization, do))


async def _opened(organization: str, do: Callable[[WhatsAppService, str], Awaitable[T]]) -> T:
    from pymongo.errors import PyMongoError

    from connectors.errors import ConnectorError
    from runtime.here import here
    from streams.keyring import KeyringError
    from streams.whatsapp.service import REFUSALS, open_whatsapp_service

    found = here()
    opened = open_whatsapp_service(found.endpoints(), found.home, found.environment)
    try:
        async with opened as service:
            return await do(service, organization or found.organization_id)
    except REFUSALS as error:
        raise SmartStoreError(str(error), fix="smartstore whatsapp --help") from error
    except PyMongoError as error:
        raise CannotServe("MongoDB does not answer", fix="smartstore up") from error
    except (KeyringError, ConnectorError) as error:
        raise SmartStoreError(str(error), fix="smartstore doctor") from error


def _message(told: dict[str, Any]) -> str:
    line = f"{told['id']}  {told['to']}  {told['state']}"
    if told["delivery"]:
        line += f" ({told['delivery']})"
    if told["until"] and told["state"] in ("held", "accepted"):
        line += f"  looked at again {told['until'][:19].replace('T', ' ')}"
    return line + (f"\n    {told['reason']}" if told["reason"] else "")


def _show(told: Any, as_json: bool, *lines: str) -> None:
    text = json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(lines)
    sys.stdout.write(text + "\n")
