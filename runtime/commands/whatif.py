"""`smartstore whatif`: what would have come out differently by other rules, or other code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.moments import Since, Until, moment_ms
from runtime.options import Organization
from schemas.clock import unix_ms

if TYPE_CHECKING:
    from runtime.here import Here
    from schemas.policy import Policies
    from streams.whatif.compare import Different, Result
    from streams.whatif.run import Other

_SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(whatif)


def whatif(
    since: Since = "1d",
    until: Until = "",
    policy: Annotated[
        Path | None, typer.Option(help="Rules as JSON: {'rules': [...]}, as /api/policies tells.")
    ] = None,
    code: Annotated[
        Path | None, typer.Option(help="The folder of another checkout of SmartStore Sync.")
    ] = None,
    organization: Organization = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Make the decisions of a span again by other rules or code, and list what comes out
    differently. Nothing is sent. Without both: whether everything comes out the same (exit
    status 1 where it does not)."""
    from runtime.here import here

    since_ms = moment_ms(since)
    until_ms = moment_ms(until) if until else unix_ms()
    rules = None if policy is None else read_policies(policy)
    result = asyncio.run(_judge(here(), organization, since_ms, until_ms, rules, code))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(result.shown()) + b"\n")
    else:
        sys.stdout.write("\n".join(told(result, policy is None and code is None)) + "\n")
    if policy is None and code is None and result.unlike:
        raise typer.Exit(1)


def read_policies(path: Path) -> Policies:
    """What /api/policies answers, or only its rules. Raises SmartStoreError."""
    from schemas.policy import Policies

    try:
        found = msgspec.json.decode(path.read_bytes())
        if isinstance(found, list):
            found = {"rules": found}
        return msgspec.convert(found.get("policies", found), Policies)
    except OSError as error:
        raise SmartStoreError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, AttributeError) as error:
        raise SmartStoreError(
            f"{path} holds no rules: {error}",
            fix='{"rules": [{"type": "product", "field": "price", "policy": "local"}]}',
        ) from error


async def _judge(
    found: Here,
    organization: str,
    since_ms: int,
    until_ms: int,
    rules: Policies | None,
    code: Path | None,
) -> Result:
    from aiokafka.errors import KafkaError
    from pymongo.errors import PyMongoError

    from runtime.past import open_sources
    from streams.timetravel import reader
    from streams.whatif.braking import Braking
    from streams.whatif.run import run
    from streams.whatif.window import Window

    async def tell(result: Result, reached_ms: int) -> None:
        if sys.stderr.isatty():
            at = datetime.fromtimestamp(reached_ms / 1000).astimezone()
            sys.stderr.write(f"\r{at:%d %b %H:%M}  {result.decisions} decisions made again  ")

    try:
        async with open_sources(found) as sources, _other(rules, code) as other:
            whose = organization or found.organization_id
            window = Window(reader(sources), whose, since_ms, until_ms)
            braking = None if rules is None else Braking(rules)
            return await run(window, other, tell, braking)
    except (PyMongoError, KafkaError, TimeoutError) as error:
        raise CannotServe("MongoDB or Kafka does not answer", fix="smartstore up") from error


@asynccontextmanager
async def _other(rules: Policies | None, code: Path | None) -> AsyncIterator[Other | None]:
    from streams.whatif.run import NotACheckout, by_code, by_policies

    if code is None:
        yield None if rules is None else by_policies(rules)
        return
    try:
        async with by_code(code, rules) as other:
            yield other
    except NotACheckout as error:
        raise SmartStoreError(
            str(error), fix="git worktree add ../other VERSION; --code ../other"
        ) from error


def told(result: Result, only_same: bool) -> list[str]:
    """The result for people."""
    lines = [f"{result.decisions} decisions made again; nothing was sent"]
    lines.append(
        f"{result.identical} records came out byte for byte as they were"
        + (f", {result.unlike} did not (other code made them)" if result.unlike else "")
    )
    lines += [f"{count} left out: {why}" for why, count in result.left_out.most_common()]
    if only_same:
        return lines
    lines.append(
        f"{result.differences} would come out differently; "
        f"{result.lasting} values would be different today; commands: "
        f"{result.commands['more']} more, {result.commands['less']} fewer"
    )
    for name in sorted(result.brakes_now | result.brakes_then):
        now, then = result.brakes_now[name], result.brakes_then[name]
        lines.append(f"brake for {name}: would go on {now} times, by the limits of then {then}")
    lines += [_line(one) for one in result.listed[:_SHOWN]]
    if result.differences > _SHOWN:
        lines.append(f"and {result.differences - _SHOWN} more; --json lists them")
    return lines


def _line(one: Different) -> str:
    at = datetime.fromtimestamp(one.at_ms / 1000).astimezone()
    moved = [f"{name} {_short(a)} → {_short(b)}" for name, (a, b) in one.fields.items()]
    moved += [f"{name}: a person would be asked" for name in one.asked]
    moved += [f"{name}: nobody would be asked" for name in one.not_asked]
    if not moved:
        moved = [f"commands: {len(one.more)} more, {len(one.less)} fewer"]
    last = "  lasting" if one.lasting else ""
    return f"{at:%d %b %H:%M:%S}  {one.type} {one.label or one.entity_id}  {', '.join(moved)}{last}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 30 else f"{text[:29]}…"
