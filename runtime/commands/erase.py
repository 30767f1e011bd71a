"""`smartstore erase`: one customer's personal data, with a dry run first and a proof at the end."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from runtime.commands.archive import run
from runtime.errors import SmartStoreError
from runtime.options import Organization

if TYPE_CHECKING:
    from streams.archive.joined import Sources


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    customer: Annotated[str, typer.Argument(help="Our id, a phone number or an e-mail address.")],
    organization: Organization = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The proof as JSON.")] = False,
) -> None:
    """Take a customer's name, numbers, addresses and messages out of history, records and every
    platform that can be written. Amounts stay. It cannot be undone."""
    from runtime.here import here
    from streams.archive.erasure import NobodyFound

    whose = organization or here().organization_id
    customer = customer.strip()

    async def look(sources: Sources) -> dict[str, Any]:
        from streams.archive.erasure import preview

        return await preview(sources, whose, customer)

    async def work(sources: Sources) -> dict[str, Any]:
        from streams.archive.erasure import Desk, begin, carry_out
        from streams.kafka import Publisher

        console = Console(stderr=True, highlight=False)

        async def tell(step: str) -> None:
            console.print(f"{step} …")

        publisher = Publisher(sources.endpoints)
        try:
            person = await begin(sources, whose, customer)
            return await carry_out(Desk(sources, publisher, tell, "command line"), person)
        finally:
            await publisher.stop()

    try:
        if dry_run or not yes:
            sys.stderr.write("looking through views and the archive …\n")
            found = run(look)
            if dry_run:
                _show(found, as_json=as_json)
                return
            typer.confirm(
                f"Erase {_words(found['entities'])} for good? It cannot be undone.", abort=True
            )
        _show(run(work), as_json=as_json)
    except NobodyFound as error:
        raise SmartStoreError(
            "nobody like that is known", fix="the customer's id, phone (+94…) or e-mail"
        ) from error


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    would = "would be " if found.get("dryRun") else ""
    lines = [
        f"{_words(found['entities'])} {would}erased",
        f"archive: {found['archive']['events']:,} events in {found['archive']['files']:,} files",
        f"views: {_words(found['views'])}",
    ]
    if left := found.get("left"):
        for name, what in left.items():
            lines.append(f"left, {_LEFT[name]}: {what if what else 'nothing'}")
        latest = max(one["until"] for one in found["kafka"] if one["until"][:1].isdigit())
        lines.append(
            f"Kafka's own log may hold parts of it until {latest[:10]} (by topic: --json); nothing "
            "reads them out any more."
        )
    sys.stdout.write("\n".join(lines) + "\n")


_LEFT = {
    "engine": "not written by the engine yet",
    "archiveEvents": "in the archive",
    "views": "in views",
    "yourOwnCollections": "in members of your own documents that SmartStore does not know",
    "platforms": "on platforms (erase it there too)",
    "cache": "in Redis",
}


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "nothing"
