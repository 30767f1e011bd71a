"""Requests made from the description, valid and not: whatever is sent, nothing breaks, and nobody
gets in without showing who they are.

The quick form asks every operation once or twice. `SMARTSTORE_FUZZ_S=600` makes it as long as it
says and tries every limit and every kind of wrong value.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from limits import RateLimitItem

from api.ratelimit import RateLimits

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

QUICK = ("--phases", "examples,fuzzing", "--max-examples", "1")
# What needs the archive says so where there is none, which is a 503.
SETTINGS = """
[[operations]]
include-path-regex = "^/api/(replay|history|archive|analytics|sql|erasure)|/(at|versions)$"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""


class Unlimited(RateLimits):
    """Thousands of requests a minute are what is wanted here."""

    async def hit(self, limit: RateLimitItem, kind: str, who: str) -> None:
        """Never too many."""


async def test_nothing_breaks_and_nobody_gets_in(live: Any, tmp_path: Path) -> None:
    app = live.api.app
    app.state.services = replace(live.api.services, limits=Unlimited(live.api.services.cache))
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    seconds = os.environ.get("SMARTSTORE_FUZZ_S", "")
    thorough = ("--phases", "examples,coverage,fuzzing", "--max-time", seconds)
    running = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"http://127.0.0.1:{live.port}/openapi.json",
        "--checks",
        "not_a_server_error,ignored_auth",
        "--header",
        f"Authorization: Bearer {live.api.keys['kandy']}",
        *(thorough if seconds else (*QUICK, "--generation-deterministic")),
        "--suppress-health-check=all",
        "--no-shrink",
        "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await running.communicate())[0].decode()
    told = "\n".join(line[:500] for line in said.splitlines()[-200:])
    assert running.returncode == 0, told
    selected = re.search(r"Tested: (\d+)", said)
    assert selected is not None, told
    operations = [one for ops in app.openapi()["paths"].values() for one in ops]
    assert int(selected[1]) == len(operations), "all of it"
