"""`smartstore trigger`: one realistic event to the demo that runs in another terminal."""

from __future__ import annotations

import asyncio
import inspect
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.errors import SmartStoreError

if TYPE_CHECKING:
    from runtime.demo.handle import Handle

_WITHIN_S = 20.0


class NotRunning(SmartStoreError):
    """No demo runs in the folder."""

    exit_code = 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trigger)


def trigger(
    event: Annotated[str, typer.Argument(help="Which event; see --list.")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, such as sku=POT-CLAY-M.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the events.")] = False,
) -> None:
    """Send one event and show where it arrives."""
    from runtime.demo.handle import demo_home, read_handle  # late: other commands start faster
    from runtime.demo.scenes import EVENTS

    if listed or not event:
        for name, build in EVENTS.items():
            sys.stdout.write(f"{name:<24} {inspect.getdoc(build)}\n")
        return
    if event not in EVENTS:
        near = get_close_matches(event, EVENTS, n=1, cutoff=0.5)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise SmartStoreError(f"no event {event}{meant}", fix="./smartstore trigger --list")
    given = _parsed(settings or [])
    handle = read_handle(demo_home())
    if handle is None:
        raise NotRunning("no demo runs", fix="./smartstore demo, in another terminal")
    raise typer.Exit(asyncio.run(_send(handle, event, given)))


def _parsed(settings: list[str]) -> dict[str, str]:
    found = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name or not equals:
            raise SmartStoreError(f"--set {setting} is not name=value")
        found[name] = value
    return found


async def _send(handle: Handle, event: str, settings: dict[str, str]) -> int:
    from runtime.demo.board import Board
    from runtime.demo.handle import attached
    from runtime.demo.scenes import EVENTS, BadSetting, Given
    from runtime.demo.watch import watching

    board = Board()
    async with attached(handle) as merchant, watching(merchant) as watcher:
        try:
            scene = await EVENTS[event](merchant, Given(settings))
        except BadSetting as error:
            raise SmartStoreError(str(error), fix="./smartstore trigger --list") from error
        await scene.play()
        complete = await watcher.expect(scene.change, _WITHIN_S)
        board.end(scene.change, complete=complete)
        if not scene.change.expected:
            board.say(f"Open {handle.url}/sync to decide")
    return 0 if complete else 1
