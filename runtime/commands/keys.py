"""`smartstore keys status | new | rotate | drop`: the key that secrets are sealed with."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runtime.errors import CannotServe, SmartStoreError

if TYPE_CHECKING:
    from runtime.here import Here
    from streams.database import Database
    from streams.keyring import Keyring

T = TypeVar("T")
GIVEN = "SMARTSTORE_SECRET_KEY"
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

keys = typer.Typer(
    help="The key that platforms' secrets are sealed with: a new one, and the way to it.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def status(as_json: AsJson = False) -> None:
    """Which keys are here, how many secrets each still holds, and which may be taken away."""
    held, keyring = _run(lambda _here, database, ring: _counts(database, ring))
    idle = [key for key in keyring.key_ids if key != keyring.newest and not held.get(key)]
    missing = {key: count for key, count in held.items() if key not in keyring.key_ids}
    if as_json:
        _json({"newest": keyring.newest, "keys": _all(keyring, held), "removable": idle})
        return
    for key, count in _all(keyring, held).items():
        words = ["newest"] if key == keyring.newest else []
        words += ["not here: these secrets do not open"] if key in missing else []
        words += ["may be taken away"] if key in idle else []
        _line(f"{key}  {count:6} secrets  {', '.join(words)}".rstrip())
    if any(key != keyring.newest for key in held if key in keyring.key_ids):
        _line("smartstore keys rotate brings all of them to the newest.")


@keys.command()
def new() -> None:
    """Put a new key in front of the others in secret.key. Running processes find it by themselves;
    then: smartstore keys rotate."""
    from runtime.here import here
    from streams.keyring import new_key

    found = here()
    if found.environment.get(GIVEN):
        raise CannotServe(
            f"the keys are in {GIVEN}, which this cannot change",
            fix=f"openssl rand -base64 32; set {GIVEN}=NEW,OLD; restart every process; "
            "smartstore keys rotate",
        )
    made = new_key(found.home)
    _line(f"{made} is the newest key now. Keep a copy of {found.home / 'secret.key'} elsewhere.")
    _line("Next: smartstore keys rotate")


@keys.command()
def rotate(
    as_json: AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Seal every stored secret with the newest key. It may be stopped and begun again."""
    from runtime.here import here
    from streams.rotation import counted
    from streams.rotation import rotate as move

    if here().environment.get(GIVEN) and not yes:
        typer.confirm(
            f"Has every process been restarted with the newest key in front of {GIVEN}?", abort=True
        )

    async def work(_here: Here, database: Database, keyring: Keyring) -> dict[str, Any]:
        done = await move(database, keyring)
        return {
            "newest": keyring.newest,
            "moved": done.moved,
            "changed": done.changed,
            "troubles": list(done.troubles),
            "keys": _all(keyring, await counted(database)),
        }

    told = _run(work)
    if as_json:
        _json(told)
    else:
        _line(f"{told['moved']} secrets were sealed anew with {told['newest']}.")
        if told["changed"]:
            _line(f"{told['changed']} were changed meanwhile: run this again.")
        for trouble in told["troubles"]:
            _line(f"  {trouble}")
        _line("An old key may go when status says so, and no backup needs it any more.")
    if told["troubles"] or told["changed"]:
        raise typer.Exit(1)


@keys.command()
def drop(key: Annotated[str, typer.Argument(help="Its id; see keys status.")]) -> None:
    """Take an old key out of secret.key. Refused while a secret still needs it."""

    from runtime.here import here
    from streams.keyring import KeyringError, drop_key

    held, keyring = _run(lambda _here, database, ring: _counts(database, ring))
    if key == keyring.newest:
        raise SmartStoreError(f"{key} is the newest key", fix="smartstore keys new")
    if needed := held.get(key):
        raise SmartStoreError(f"{needed} secrets need {key}", fix="smartstore keys rotate")
    found = here()
    if found.environment.get(GIVEN):
        _line(f"No stored secret needs {key}: take it out of {GIVEN} and restart.")
    else:
        try:
            drop_key(found.home, key)
        except KeyringError as error:
            raise SmartStoreError(str(error), fix="smartstore keys status") from error
        _line(f"{key} is gone from {found.home / 'secret.key'}.")
    _line("Backups from before the rotation open with it alone: keep a copy as long as they.")


async def _counts(database: Database, keyring: Keyring) -> tuple[dict[str, int], Keyring]:
    from streams.rotation import counted

    return await counted(database), keyring


def _all(keyring: Keyring, held: dict[str, int]) -> dict[str, int]:
    """Newest first; those that are not here at the end."""
    return {key: held.get(key, 0) for key in dict.fromkeys((*keyring.key_ids, *held))}


def _run(work: Callable[[Here, Database, Keyring], Awaitable[T]]) -> T:
    """With the database and the keys of what runs here."""
    from pymongo.errors import PyMongoError

    from runtime.here import here
    from streams.database import open_database
    from streams.keyring import KeyringError, open_keyring

    found = here()

    async def run() -> T:
        keyring = open_keyring(found.environment, found.home)
        database = open_database(found.endpoints(), application="smartstore-keys")
        try:
            return await work(found, database, keyring)
        finally:
            await database.client.close()

    try:
        return asyncio.run(run())
    except PyMongoError as error:
        raise CannotServe("MongoDB does not answer", fix="smartstore status") from error
    except KeyringError as error:
        raise CannotServe(str(error), fix="smartstore keys status") from error


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _json(value: Any) -> None:
    _line(json.dumps(value, ensure_ascii=False, indent=2))
