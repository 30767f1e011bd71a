"""`smartstore dlq list | show | retry`: what could not be handled, and sending it again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.moments import Since, moment_ms

if TYPE_CHECKING:
    from streams.database import Database
    from streams.deadletter import Parked, Retried
    from streams.kafka import Publisher

T = TypeVar("T")

Organization = Annotated[str, typer.Option("--org", help="Only this organisation's.")]
Stage = Annotated[
    str, typer.Option(help="Only what failed there: inbound, reconcile, sink.woocommerce, api, ...")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

dlq = typer.Typer(
    help="Dead letters: what could not be handled, with the reason and a way back.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dlq, name="dlq")


@dlq.command(name="list")
def list_(
    organization: Organization = "",
    since: Since = "",
    stage: Stage = "",
    retried: Annotated[bool, typer.Option("--retried", help="Those sent again too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What could not be handled, newest first."""

    async def read(database: Database, _publisher: Publisher) -> list[Parked]:
        from streams.deadletter import list_letters

        return await list_letters(
            database,
            organization or None,
            since_ms=moment_ms(since) if since else 0,
            stage=stage,
            retried=retried,
            limit=limit,
        )

    found = _run(read)
    if as_json:
        _json([_summary(one) for one in found])
        return
    for one in found:
        letter = one.letter
        _line(f"{letter.id}  {_time(letter.at_ms)}  {letter.stage}  {one.state}  {letter.key}")
        _line(f"    {letter.reason}")
    if not found:
        _line("No dead letters.")


@dlq.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="As `list` shows it.")], as_json: AsJson = False
) -> None:
    """One letter with its headers and bytes."""

    async def read(database: Database, _publisher: Publisher) -> Parked | None:
        from streams.deadletter import show_letter

        return await show_letter(database, letter_id)

    found = _run(read)
    if found is None:
        raise SmartStoreError(f"no dead letter {letter_id}", fix="smartstore dlq list")
    body = _body(found)
    if as_json:
        _json({**_summary(found), "headers": found.letter.headers, "body": body})
        return
    for name, value in _summary(found).items():
        _line(f"{name:<15} {value}")
    for name, value in found.letter.headers.items():
        _line(f"header          {name}: {value}")
    _line("")
    _line(body)


@dlq.command()
def retry(
    letter_id: Annotated[str, typer.Argument(help="One letter; without it, all that match.")] = "",
    organization: Organization = "",
    since: Since = "",
    stage: Stage = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send again what could not be handled (its dead letters), oldest first."""

    async def send(database: Database, publisher: Publisher) -> Retried | None:
        from streams.deadletter import retry_letter, retry_letters

        if letter_id and not dry_run:
            return await retry_letter(database, publisher, letter_id, organization or None)
        return await retry_letters(
            database,
            publisher,
            organization or None,
            since_ms=moment_ms(since) if since else 0,
            stage=stage,
            dry_run=dry_run,
            only=letter_id,
        )

    done = _run(send)
    if done is None or (letter_id and not done.sent and not done.impossible):
        raise SmartStoreError(f"no dead letter {letter_id}", fix="smartstore dlq list")
    if as_json:
        _json(
            {
                "dryRun": dry_run,
                "sent": list(done.sent),
                "impossible": [{"id": name, "reason": why} for name, why in done.impossible],
            }
        )
    else:
        _line(f"{'would send' if dry_run else 'sent'} {len(done.sent)}")
        for name, why in done.impossible:
            _line(f"cannot send {name}: {why}")
    if done.impossible:
        raise typer.Exit(1)


def _run(work: Callable[[Database, Publisher], Awaitable[T]]) -> T:
    """Open the stores, do it, close them. Kafka is only connected to when something is sent."""
    from pymongo.errors import PyMongoError

    from runtime.here import here
    from streams.database import open_database
    from streams.kafka import Publisher
    from streams.kafka.publisher import PublishFailed

    async def all_of_it() -> T:
        endpoints = here().endpoints()
        database, publisher = open_database(endpoints), Publisher(endpoints)
        try:
            return await work(database, publisher)
        finally:
            await publisher.stop()
            await database.client.close()

    try:
        return asyncio.run(all_of_it())
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer", fix="smartstore up, or DATABASE_URL"
        ) from error
    except PublishFailed as error:
        raise CannotServe(
            str(error), fix="smartstore up, or KAFKA_URL; nothing was lost"
        ) from error


def _summary(one: Parked) -> dict[str, Any]:
    letter = one.letter
    return {
        "id": letter.id,
        "organizationId": letter.organization_id,
        "stage": letter.stage,
        "reason": letter.reason,
        "topic": letter.topic,
        "key": letter.key,
        "at": _time(letter.at_ms),
        "state": one.state,
        "retries": one.retries,
    }


def _body(one: Parked) -> str:
    from streams.deadletter.store import body_of

    try:
        return body_of(one.letter).decode("utf-8", "backslashreplace")
    except ValueError as error:
        return f"({error})"


def _time(at_ms: int) -> str:
    from schemas.envelope import rfc3339

    return rfc3339(at_ms)


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
