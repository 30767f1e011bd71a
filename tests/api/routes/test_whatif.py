"""`POST /api/whatif`: a job of the caller's own organisation, with what it has found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.envelope import rfc3339
from streams.upkeep.jobs import Jobs
from streams.whatif.job import KIND

pytestmark = pytest.mark.servers

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


async def test_a_job_is_queued_and_shown(api: Any) -> None:
    api.app.state.services = replace(api.services, clock_ms=lambda: NOW_MS)
    asked = {
        "since": rfc3339(NOW_MS - HOUR_MS),
        "rules": [{"type": "product", "field": "price", "policy": "local"}],
    }
    async with api.client("kandy") as client:
        answer = await client.post("/api/whatif", json=asked)
        assert answer.status_code == 202
        place = answer.headers["location"]
        jobs = Jobs(api.services.database)
        job = await jobs.claim([KIND], "runner")
        assert job is not None
        assert (job.arguments["sinceMs"], job.arguments["untilMs"]) == (NOW_MS - HOUR_MS, NOW_MS)
        assert job.arguments["policies"]["rules"][0]["policy"] == "local"
        listed = json.dumps([{"type": "product", "lasting": True}])
        await jobs.save(job, {"details": {"differences": 1, "listed": listed}, "done": 500})
        shown = (await client.get(place)).json()
        assert shown["details"]["listed"] == [{"type": "product", "lasting": True}]
        assert (shown["state"], shown["done"]) == ("running", 500)
    async with api.client("galle") as client:
        assert (await client.get(place)).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"since": rfc3339(NOW_MS + HOUR_MS)},
        {"since": rfc3339(NOW_MS - 100 * 86_400_000)},
        {"since": rfc3339(NOW_MS), "until": rfc3339(NOW_MS - 1)},
        {"since": rfc3339(NOW_MS - 1), "rules": [{"policy": "loudest"}]},
        {"since": rfc3339(NOW_MS - 1), "send": True},
    ],
)
async def test_what_cannot_be_asked(api: Any, asked: dict[str, Any]) -> None:
    api.app.state.services = replace(api.services, clock_ms=lambda: NOW_MS)
    async with api.client("kandy") as client:
        assert (await client.post("/api/whatif", json=asked)).status_code == 422
