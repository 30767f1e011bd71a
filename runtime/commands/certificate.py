"""`smartstore certificate`: whether all platforms hold the same, and what differs."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization

if TYPE_CHECKING:
    from api.certificate import Certification, ShownCertificate, ShownType
    from runtime.here import Here
    from streams.upkeep.jobs import Job, Jobs

LOOK_S = 0.5
WAIT_S = 600.0
UNTOUCHED_S = 20.0
"""A job that nobody has taken up by then: upkeep is not running."""
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(certificate)


def certificate(
    run: Annotated[bool, typer.Option("--run", help="Compare every platform now.")] = False,
    organization: Organization = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say whether all platforms hold the same. Exit status 1 where they do not, or nobody knows."""
    from api.shapes import to_json  # late: other commands start faster
    from runtime.here import here

    found = asyncio.run(_look(here(), organization, run))
    if as_json:
        sys.stdout.write(to_json(found).decode() + "\n")
    else:
        show(Console(highlight=False, soft_wrap=True), found)
    if not found.same:
        raise typer.Exit(1)


async def _look(here: Here, organization: str, run: bool) -> ShownCertificate:
    from pymongo.errors import PyMongoError

    from api.certificate import Certification
    from streams.database import open_database
    from streams.directory import Directory
    from streams.keyring import KeyringError, open_keyring
    from streams.platforms import PlatformEnvironment
    from streams.upkeep.jobs import Jobs

    organization_id = organization or here.organization_id
    database = open_database(here.endpoints())
    try:
        keyring = open_keyring(here.environment, here.home)
        directory = Directory(database, keyring, PlatformEnvironment())
        if not await directory.exists(organization_id):
            raise SmartStoreError(f"there is no organisation {organization_id}", fix="--org NAME")
        certification = Certification(database, directory)
        if run:
            await _run(certification, Jobs(database), organization_id)
        return await certification.newest(organization_id)
    except PyMongoError as error:
        raise CannotServe(
            "MongoDB does not answer", fix="smartstore up, or DATABASE_URL"
        ) from error
    except KeyringError as error:
        raise SmartStoreError(str(error), fix="smartstore doctor") from error
    finally:
        await database.client.close()


async def _run(certification: Certification, jobs: Jobs, organization_id: str) -> None:
    """Returns when every platform has been compared. Raises SmartStoreError."""
    queued = await certification.run(organization_id)
    began, waiting = time.monotonic(), {job.id: job for job in queued}
    while waiting:
        await asyncio.sleep(LOOK_S)
        waited = time.monotonic() - began
        for job_id in list(waiting):
            job = await jobs.get(organization_id, job_id)
            if job is None or job.state == "done":
                del waiting[job_id]
            elif _hopeless(job, waited):
                raise SmartStoreError(
                    f"{job.replica} could not be compared: {job.reason or job.state}",
                    fix="smartstore doctor" if job.reason else "smartstore up",
                )


def _hopeless(job: Job, waited_s: float) -> bool:
    if job.state in ("failed", "cancelled", "paused"):
        return True
    return waited_s > (UNTOUCHED_S if job.state == "queued" and not job.attempts else WAIT_S)


def show(console: Console, found: ShownCertificate) -> None:
    """The verdict, then a line for each platform and type, then what differs."""
    tone = {True: "green", False: "yellow", None: "dim"}[found.same]
    console.print(Text(found.verdict, style=tone))
    rows = [(platform, one) for platform in found.platforms for one in platform.types]
    rows = [(platform, one) for platform, one in rows if one.compared]
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "type", "items", "differ", "found", "healed", "there", "here", "compared at"):
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for platform, one in rows:
        table.add_row(
            platform.name,
            one.type,
            f"{one.compared:,}",
            f"{one.different:,}",
            f"{one.found:,}",
            f"{one.healed:,}",
            one.root_there[:8],
            one.root_here[:8],
            one.at[:19].replace("T", " "),
            style=None if one.same else "yellow",
        )
    console.print()
    console.print(table)
    for platform, one in rows:
        _differences(console, platform.name, one)


_NUMBERS = ("items", "differ", "found", "healed")


def _differences(console: Console, name: str, one: ShownType) -> None:
    for difference in one.differences[:_SHOWN]:
        label = difference.label or difference.entity_id or difference.external_id
        fields = f" ({', '.join(difference.fields)})" if difference.fields else ""
        console.print(Text(f"  {name} {one.type} {label}{fields}: {difference.what}"))
    if one.different > _SHOWN:
        console.print(Text(f"  {name} {one.type}: {one.different - _SHOWN:,} more", style="dim"))
