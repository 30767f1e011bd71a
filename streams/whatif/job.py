"""Job `whatif`: what would have come out differently by other rules. Its result is in its details:
counts, and the first differences.

It begins anew when its process is lost: it changes nothing, so nothing is done twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.fields import PERSONAL
from schemas.policy import Policies
from streams.archive.joined import Sources
from streams.timetravel import reader
from streams.upkeep.runner import JobContext, JobFailed, Runner
from streams.whatif.braking import Braking
from streams.whatif.compare import Result
from streams.whatif.run import by_policies, run
from streams.whatif.window import Window

KIND = "whatif"
MOST_KEPT = 200
"""Differences that are kept with the job; all are counted."""
PARTS = 1_000
"""Of the window, for its progress."""


def register(runner: Runner, sources: Sources) -> None:
    """One at a time: it reads a lot."""

    async def whatif(job: JobContext) -> None:
        await judge(job, sources)

    runner.register(KIND, whatif, at_once=1)


async def judge(job: JobContext, sources: Sources) -> None:
    """`arguments`: `sinceMs`, `untilMs`, `policies` (as JSON in the wire's names; none: only
    whether all comes out the same)."""
    since_ms, until_ms = int(job.arguments["sinceMs"]), int(job.arguments["untilMs"])
    given = job.arguments.get("policies")
    try:
        policies = None if given is None else msgspec.convert(given, Policies)
    except msgspec.ValidationError as error:
        raise JobFailed(f"These are no rules: {error}") from error
    window = Window(reader(sources), job.organization_id, since_ms, until_ms)

    async def tell(result: Result, reached_ms: int) -> None:
        share = (reached_ms - since_ms) / max(until_ms - since_ms, 1)
        await job.save(done=int(PARTS * share), total=PARTS, details=details(result))

    await job.save(done=0, total=PARTS)
    other = None if policies is None else by_policies(policies)
    braking = None if policies is None else Braking(policies)
    result = await run(window, other, tell, braking)
    await job.save(done=PARTS, total=PARTS, details=details(result))


def details(result: Result) -> dict[str, Any]:
    """As it is kept with the job."""
    told = result.shown()
    told["listed"] = [unnamed(one) for one in told["listed"][:MOST_KEPT]]
    # MongoDB takes whole numbers of 64 bits only; a shop's own values may be of any size.
    return {**told, "listed": msgspec.json.encode(told["listed"]).decode()}


def unnamed(told: dict[str, Any]) -> dict[str, Any]:
    """A difference without what tells who somebody is: a job is no place for it, and an erasure
    looks at none. That such a field differs is still said."""
    hidden = PERSONAL.get(told["type"], frozenset())
    commands = {
        name: [
            {**one, "fields": {} if one["kind"] == "perform" else _without(one["fields"], hidden)}
            for one in told[name]
        ]
        for name in ("commandsMore", "commandsLess")
    }
    named = told["type"] in ("customer", "message")
    return {
        **told,
        **commands,
        "label": "" if named else told["label"],
        "fields": {
            name: {"then": None, "now": None, "personal": True} if name in hidden else pair
            for name, pair in told["fields"].items()
        },
    }


def _without(fields: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    return {name: None if name in hidden else value for name, value in fields.items()}
