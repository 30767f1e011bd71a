"""Job `drift`: one sweep of one platform, and its certificate."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.protocol import Connection, Listed, Sweeps
from connectors.registry import connector
from schemas.clock import unix_ms
from streams.inbox import Inbox
from streams.sync.contexts import loader
from streams.upkeep import imports
from streams.upkeep.deliveries import deliver
from streams.upkeep.drift.books import Books
from streams.upkeep.drift.certificates import DETAILED, Certificates, certificate_of
from streams.upkeep.drift.pace import Pace
from streams.upkeep.drift.sweep import Sweep
from streams.upkeep.drift.tally import Tally
from streams.upkeep.resyncing import ask_for
from streams.upkeep.runner import JobContext, JobFailed, Runner
from streams.upkeep.schedule import Every, usable

KIND = "drift"


def register(runner: Runner, minutes: float) -> None:
    """`minutes` between two sweeps of a platform; 0: only when asked for."""
    runner.register(KIND, drift, at_once=2)
    runner.every(Every(KIND, seconds=minutes * 60, wanted=can_be_swept))


def can_be_swept(connection: Connection) -> bool:
    """It is connected for good, and can be read."""
    return usable(connection) and connector(connection.platform).profile(connection, {}).reads


async def drift(job: JobContext) -> None:
    """A sweep that was cut off begins anew: it only looks, and what it found is told already.
    Raises JobFailed for a platform that cannot be compared."""
    connection = await job.connection()
    if not can_be_swept(connection):
        raise JobFailed(f"{job.replica} is paused, waits to be confirmed, or cannot be read.")
    if await _being_imported(job):
        raise JobFailed(f"{job.replica} is just being imported; it is compared afterwards.")
    context = await loader(job.tools.directory)(job.organization_id)
    books = Books(job.tools.database, job.tools.links, connection)
    inbox, cause = Inbox(job.tools.database), f"drift:{job.job.id}"
    pace = Pace(job.tools.waiting)

    async def tell(entity_type: str, items: Sequence[Listed]) -> None:
        at_ms = unix_ms()
        await deliver(
            job.tools.publisher, inbox, connection, entity_type, items, cause=cause, at_ms=at_ms
        )

    async def ask(entities: Sequence[tuple[str, str]]) -> None:
        await ask_for(job.tools.publisher, job.organization_id, entities, cause)

    async def report(compared: int) -> None:
        await job.save(done=compared)

    async with job.client(connection) as client:
        if not isinstance(client, Sweeps):
            raise JobFailed(f"{connection.platform} cannot tell what it holds.")
        sweep = Sweep(
            client,
            books,
            context.profiles[connection.replica],
            pace,
            tell=tell,
            ask=ask,
            report=report,
            writable=connection.replica in context.writable,
        )
        tallies = await sweep.run()
    await _certify(job, books, tallies, calls=pace.calls, by_etags=sweep.by_etags)


async def _being_imported(job: JobContext) -> bool:
    """Everything not imported yet would pass for drift, and be told twice."""
    found = await job.jobs.newest(
        job.organization_id, kind=imports.KIND, replica=job.replica, limit=1
    )
    return any(one.state in ("queued", "running", "paused") for one in found)


async def _certify(
    job: JobContext, books: Books, tallies: dict[str, Tally], *, calls: int, by_etags: bool
) -> None:
    places = [
        (one.type, one.entity_id)
        for tally in tallies.values()
        for one in list(tally.different.values())[:DETAILED]
        if one.entity_id
    ]
    labels, at_ms = await books.labels(places), unix_ms()
    certificates = [
        certificate_of(
            tally,
            labels,
            organization_id=job.organization_id,
            replica=job.replica,
            at_ms=at_ms,
            calls=calls,
            by_etags=by_etags,
            job_id=job.job.id,
        )
        for tally in tallies.values()
    ]
    await Certificates(job.tools.database).save(certificates)
    compared = sum(one.compared for one in certificates)
    details = {
        "found": sum(one.found for one in certificates),
        "healed": sum(one.healed for one in certificates),
        "different": sum(sum(one.states.values()) for one in certificates),
        "unreadable": books.unreadable,
        "calls": calls,
    }
    await job.save(done=compared, total=compared, details=details)
