"""What would have come out differently: a window of history through `decide` once more.

Nothing is sent: what decisions would send is compared, and forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from schemas.codec import encode
from schemas.context import ContextWire
from schemas.policy import Policies
from streams.sync.brakes import Recall
from streams.sync.context import Context
from streams.sync.contexts import context_of
from streams.sync.decide import decide
from streams.sync.decision import label_of
from streams.whatif.braking import Braking
from streams.whatif.compare import Result
from streams.whatif.outline import Outline, outline
from streams.whatif.remake import Made, remake
from streams.whatif.window import Found, Window

HERE = Path(__file__).resolve().parent
TOLD_EVERY = 500
MOST_LINE_BYTES = 16 * 1024**2
PATIENCE_S = 60.0

Tell = Callable[[Result, int], Awaitable[None]]
"""Called now and then with what is found so far and the time (ms) that was reached."""
Other = Callable[[Made, ContextWire], Awaitable[Outline]]
"""What comes of a decision by other rules or other code. Raises OtherFailed."""


class OtherFailed(Exception):
    """The other code could not decide. The text says why."""


class NotACheckout(ValueError):
    """There is no engine in that folder."""


async def run(
    window: Window, other: Other | None, tell: Tell | None = None, braking: Braking | None = None
) -> Result:
    """Every decision of the window. `other` None: only whether each comes out the same. Raises
    what the window's `read` raises."""
    result = Result(left_out=window.left_out)
    contexts: dict[str, Context] = {}
    judged = 0
    if braking is not None:
        result.brakes_then, result.brakes_now = braking.then, braking.now
    async for found in window.found():
        if braking is not None and judged == 0:
            braking.begin(window.organization_id, window.in_stock)
        await _judge(found, contexts, other, result, braking)
        judged += 1
        if tell is not None and judged % TOLD_EVERY == 0:
            await tell(result, found.at_ms)
        elif judged % 50 == 0:
            await asyncio.sleep(0)
    return result


async def _judge(
    found: Found,
    contexts: dict[str, Context],
    other: Other | None,
    result: Result,
    braking: Braking | None,
) -> None:
    wire, kept = found.context, found.kept
    context = contexts.get(kept.decided.context)
    if context is None:
        context = contexts[kept.decided.context] = context_of(wire)
    try:
        made = list(remake(kept, context))
    except Exception as error:  # as above
        result.left_out[f"this code cannot decide on it: {type(error).__name__}"] += 1
        return
    changed = [one.decision.record for one in made if one.decision.changed]
    same = bool(changed) and encode(changed[-1]) == kept.after
    result.identical += same
    result.unlike += not same
    for one in made:
        if other is None:
            result.decisions += 1
            continue
        try:
            now = await other(one, wire)
        except OtherFailed as error:
            result.left_out[f"the other code failed: {error}"] += 1
            continue
        then = outline(one.decision)
        before = {"fields": {name: held.value for name, held in one.before.fields.items()}}
        told = {"label": _label(one), "cause": _cause(one)}
        result.take(kept.key, found.at_ms, told, before, then, now)
        if braking is not None:
            braking.take(kept.key, one)


def by_policies(policies: Policies) -> Other:
    """The same code by other rules, as if they had held all the time."""
    always = msgspec.structs.replace(policies, effective_from_ms=0, before=())

    async def other(made: Made, wire: ContextWire) -> Outline:
        context = replace(made.context, policies=always)
        try:
            return outline(decide(made.before, made.arrival, context, made.now_ms))
        except Exception as error:  # as the agent: a mistake in one entity stops no other
            raise OtherFailed(type(error).__name__) from error

    return other


@contextlib.asynccontextmanager
async def by_code(folder: Path, policies: Policies | None = None) -> AsyncIterator[Other]:
    """Another checkout's engine, in a process of its own: by its own interpreter where it has one.
    `policies`: other rules besides. Raises NotACheckout."""
    process = await asyncio.create_subprocess_exec(
        *_command(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MOST_LINE_BYTES,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", "")},
    )

    async def other(made: Made, wire: ContextWire) -> Outline:
        if policies is not None:
            always = msgspec.structs.replace(policies, effective_from_ms=0, before=())
            wire = msgspec.structs.replace(wire, policies=always)
        return await _asked(process, _question(made, wire))

    try:
        yield other
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


def _command(folder: Path) -> list[str]:
    if not (folder / "streams" / "sync" / "decide.py").is_file():
        raise NotACheckout(f"{folder} holds no streams/sync/decide.py")
    own = folder / ".smartstore" / "venv" / "bin" / "python"
    python = str(own if own.is_file() else sys.executable)
    return [python, "-I", str(HERE / "other.py"), str(folder.resolve()), str(HERE)]


async def _asked(process: asyncio.subprocess.Process, question: bytes) -> Outline:
    if process.stdin is None or process.stdout is None:
        raise OtherFailed("it was not started")
    try:
        process.stdin.write(question + b"\n")
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    except (BrokenPipeError, ConnectionResetError, TimeoutError, ValueError) as error:
        raise OtherFailed("it does not answer") from error
    if not line:
        raise OtherFailed("it has ended")
    told = json.loads(line)
    if "error" in told:
        raise OtherFailed(told["error"])
    found: Outline = told["outline"]
    return found


def _question(made: Made, wire: ContextWire) -> bytes:
    arrival = made.arrival
    what: Any = arrival
    if isinstance(arrival, Recall):
        what = {"alarm": msgspec.to_builtins(arrival.alarm)}
    return encode(
        {
            "before": made.before,
            "arrival": what,
            "what": type(arrival).__name__,
            "context": wire,
            "now": made.now_ms,
            "epoch": made.context.epoch,
            "lags": made.context.lags,
            "braked": sorted(made.context.braked),
        }
    )


def _label(made: Made) -> str:
    return label_of(made.decision.record)


def _cause(made: Made) -> str:
    return str(getattr(made.arrival, "id", "") or type(made.arrival).__name__.lower())
