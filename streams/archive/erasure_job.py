"""Job `erasure`: carries out what `POST /api/erasure` began. Its row says no more than which."""

from __future__ import annotations

from streams.archive.erasure import Desk, carry_out
from streams.archive.erasures import Erasures
from streams.archive.joined import Sources
from streams.upkeep.runner import JobContext, JobFailed, Runner

KIND = "erasure"


def register(runner: Runner, sources: Sources) -> None:
    """One at a time."""

    async def erasure(job: JobContext) -> None:
        erasures = Erasures(sources.database, sources.keyring)
        person = await erasures.person(job.organization_id, str(job.arguments["erasureId"]))
        if person is None:
            raise JobFailed("What was to be erased is not known any more: ask for it again.")
        done = 0

        async def tell(step: str) -> None:
            nonlocal done
            await job.save(done=done, total=4, details={"step": step})
            done += 1

        desk = Desk(sources, job.tools.publisher, tell, by=str(job.arguments.get("by", "")))
        proof = await carry_out(desk, person)
        left = {name: found for name, found in proof["left"].items() if found}
        await job.save(done=4, total=4, details={"step": "done", "left": left})

    runner.register(KIND, erasure)
