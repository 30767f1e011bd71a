"""Jobs as clients see and steer them."""

from __future__ import annotations

from typing import Any

import pytest

from streams.upkeep.jobs import Jobs

pytestmark = pytest.mark.servers


async def test_jobs_are_listed_newest_first_and_only_to_their_own(api: Any) -> None:
    jobs = Jobs(api.services.database)
    await jobs.queue("kandy", "drift", "mongodb")
    newest = await jobs.queue("kandy", "import", "woocommerce", total=20)
    await jobs.queue("galle", "drift", "mongodb")
    async with api.client("kandy") as client:
        listed = (await client.get("/api/jobs")).json()["jobs"]
        of_kind = (await client.get("/api/jobs", params={"kind": "import"})).json()["jobs"]
        one = (await client.get(f"/api/jobs/{newest.id}")).json()
    async with api.client("galle") as client:
        hidden = await client.get(f"/api/jobs/{newest.id}")
    assert {job["kind"] for job in listed} == {"drift", "import"}
    assert of_kind == [one]
    assert (one["state"], one["total"], one["replica"]) == ("queued", 20, "woocommerce")
    assert hidden.status_code == 404


async def test_a_job_is_paused_resumed_and_cancelled(api: Any) -> None:
    job = await Jobs(api.services.database).queue("kandy", "import", "woocommerce")
    async with api.client("galle") as client:
        strange = await client.post(f"/api/jobs/{job.id}/pause")
    async with api.client("kandy") as client:
        states = [
            (await client.post(f"/api/jobs/{job.id}/{steer}")).json()["state"]
            for steer in ("pause", "resume", "cancel")
        ]
        late = await client.post(f"/api/jobs/{job.id}/pause")
        unknown = await client.post(f"/api/jobs/{job.id}/explode")
    assert strange.status_code == 404
    assert states == ["paused", "queued", "cancelled"]
    assert (late.status_code, late.json()["type"]) == (409, "conflict")
    assert "cancelled" in late.json()["detail"]
    assert unknown.status_code == 422
