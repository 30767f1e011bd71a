"""`smartstore backup` and `smartstore restore`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.console import Terminal
from runtime.errors import CannotServe

if TYPE_CHECKING:
    from runtime.here import Here
    from streams.archive.location import Location
    from streams.backup.layout import Manifest

T = TypeVar("T")
FOLDER = "backups"
Place = Annotated[
    str,
    typer.Option(
        "--at",
        envvar="SMARTSTORE_BACKUP_URL",
        help="A folder, or s3://[key:secret@]bucket/prefix?endpoint=...  "
        "Default: backups in the data folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    at: Place = "",
    keep: Annotated[int, typer.Option(min=0, help="How many backups stay; 0: all of them.")] = 7,
    archive: Annotated[bool, typer.Option(help="With the history's Parquet files.")] = True,
    listed: Annotated[bool, typer.Option("--list", help="Only list what there is.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read the newest one and compare.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back up MongoDB, the records in Kafka and the history, while everything runs.

    The key of the secrets is not in it: keep SMARTSTORE_HOME/secret.key (or
    SMARTSTORE_SECRET_KEY) somewhere else.
    """
    from runtime.here import here

    found = here()
    location = _location(at, found.home)
    if listed:
        _run(lambda: _list(location, as_json))
    elif check:
        _run(lambda: _check(location, as_json))
    else:
        _run(lambda: _take(found, location, keep, archive, as_json))


def restore(
    stamp: Annotated[
        str, typer.Argument(help="Which one; `newest`, or see backup --list.")
    ] = "newest",
    at: Place = "",
    only: Annotated[
        str, typer.Option(help="mongodb or kafka, where the other is still there.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Put a backup back into an empty MongoDB and an empty Kafka; then start SmartStore.

    What happened since the backup is learnt again from the platforms. Secrets open with the key
    that they were sealed with: put secret.key back into the data folder first.
    """
    if only not in ("", "mongodb", "kafka"):
        raise CannotServe(f"--only {only} is nothing", fix="--only mongodb, or --only kafka")
    from runtime import state
    from runtime.here import here
    from runtime.servers import LocalServers
    from runtime.settings import RuntimeSettings, load_environment

    environment = load_environment()
    settings = RuntimeSettings.load(environment)
    if state.read(settings.home) is not None:
        raise CannotServe("SmartStore runs, and would write meanwhile", fix="smartstore down")
    location = _location(at, settings.home)
    terminal = Terminal()
    with LocalServers(settings.home, environment=environment, reporter=terminal) as servers:
        found = here()
        given = {**environment, **servers.environment()}
        _run(lambda: _restore(given, found.home, location, stamp, only, force, terminal))
    terminal.say("Restored. Start it: smartstore up")


async def _take(found: Here, location: Location, keep: int, archive: bool, as_json: bool) -> None:
    from streams.archive.location import locate
    from streams.archive.settings import ArchiveSettings
    from streams.backup.taking import Source, take
    from streams.backup.taking import keep as keep_newest
    from streams.database import open_database

    terminal = Terminal()
    url = ArchiveSettings().url.get_secret_value()
    history = locate(url, found.home)
    database = open_database(found.endpoints(), application="smartstore-backup")
    try:
        source = Source(database, found.endpoints(), history if archive and history.local else None)
        progress = (lambda *_: None) if as_json else _told(terminal)
        manifest = await take(source, location, progress)
        removed = await keep_newest(location, keep)
    finally:
        await database.client.close()
    if as_json:
        _json({**_shape(manifest), "removed": removed})
        return
    terminal.say(
        f"Backup {manifest.stamp}: {len(manifest.files)} files, {manifest.bytes / 1e6:.1f} MB, "
        f"{manifest.took_s:.1f} s, at {location.name}"
    )
    if removed:
        terminal.say(f"Removed {len(removed)} older: {', '.join(removed)}")
    if manifest.key_ids:
        terminal.say("The key of the secrets is not in it: keep secret.key somewhere else.")


async def _list(location: Location, as_json: bool) -> None:
    from streams.backup.layout import backups, read_manifest

    found = [read_manifest(location, stamp) for stamp in await asyncio.to_thread(backups, location)]
    if as_json:
        _json([_shape(manifest) for manifest in found])
        return
    if not found:
        sys.stdout.write("No backup yet. Take one: smartstore backup\n")
    for manifest in found:
        sys.stdout.write(
            f"{manifest.stamp}  {len(manifest.files):>4} files  {manifest.bytes / 1e6:>9.1f} MB\n"
        )


async def _check(location: Location, as_json: bool) -> None:
    from streams.backup.layout import read_manifest
    from streams.backup.restoring import verify

    manifest = read_manifest(location, await _stamp(location, "newest"))
    await verify(location, manifest)
    if as_json:
        _json({**_shape(manifest), "whole": True})
    else:
        sys.stdout.write(f"Backup {manifest.stamp} is whole: {len(manifest.files)} files read.\n")


async def _restore(
    environment: dict[str, str],
    home: Path,
    location: Location,
    stamp: str,
    only: Any,
    force: bool,
    terminal: Terminal,
) -> None:
    from schemas.settings import Endpoints
    from streams.archive.location import locate
    from streams.archive.settings import ArchiveSettings
    from streams.backup.layout import read_manifest
    from streams.backup.restoring import restore as put_back
    from streams.database import open_database
    from streams.keyring import open_keyring

    manifest = read_manifest(location, await _stamp(location, stamp))
    missing = set(manifest.key_ids) - set(open_keyring(environment, home).key_ids)
    if missing:
        terminal.warn(
            f"secrets were sealed with key {', '.join(sorted(missing))}, which is not here: put "
            "secret.key back, or enter the platforms' secrets again at /integrations"
        )
    endpoints = Endpoints.model_validate(environment)
    archive = locate(ArchiveSettings().url.get_secret_value(), home)
    database = open_database(endpoints, application="smartstore-restore", timeout_ms=None)
    try:
        await put_back(
            location,
            manifest,
            database,
            endpoints,
            archive=archive if archive.local else None,
            only=only,
            force=force,
            progress=_told(terminal),
        )
    finally:
        await database.client.close()


async def _stamp(location: Location, wanted: str) -> str:
    from streams.backup.layout import BackupError, backups

    if wanted != "newest":
        return wanted
    found = await asyncio.to_thread(backups, location)
    if not found:
        raise BackupError(f"there is no backup at {location.name}")
    return found[0]


def _location(at: str, home: Path) -> Location:
    from streams.archive.location import LocationInvalid, locate

    try:
        return locate(at or str(home / FOLDER), home)
    except LocationInvalid as error:
        text = str(error).replace("SMARTSTORE_ARCHIVE_URL", "--at")
        raise CannotServe(text, fix="smartstore backup --help") from error


def _told(terminal: Terminal) -> Callable[[str, int], None]:
    return lambda name, count: terminal.say(f"  {name}: {count:,}")


def _shape(manifest: Manifest) -> dict[str, Any]:
    return {
        "stamp": manifest.stamp,
        "files": len(manifest.files),
        "bytes": manifest.bytes,
        "tookS": manifest.took_s,
        "snapshot": manifest.snapshot,
        "keyIds": manifest.key_ids,
    }


def _json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _run(work: Callable[[], Awaitable[T]]) -> T:
    from aiokafka.errors import KafkaError
    from pymongo.errors import PyMongoError

    from streams.backup.layout import BackupError
    from streams.kafka import PublishFailed

    async def done() -> T:
        return await work()

    try:
        return asyncio.run(done())
    except BackupError as error:
        raise CannotServe(str(error), fix="smartstore backup --list") from error
    except (PyMongoError, KafkaError, PublishFailed, OSError) as error:
        raise CannotServe(f"{type(error).__name__}: {error}", fix="smartstore doctor") from error
