"""One seed of `smartstore chaos`: people on three platforms, parts killed meanwhile."""

from __future__ import annotations

import secrets
import sys

import pytest

from runtime.chaos.plan import plan_of
from runtime.chaos.seed import run_seed
from runtime.chaos.sight import open_eyes
from runtime.demo.system import System

SEED = 1
CHANGES = 120

pytestmark = pytest.mark.timeout(420)


async def test_nothing_is_lost_or_done_twice(system: System) -> None:
    async with open_eyes(system) as eyes:
        result = await run_seed(
            system, eyes, plan_of(SEED, CHANGES), f"chaos{secrets.token_hex(3)}"
        )
    assert result.error == ""
    assert [str(finding) for finding in result.verdict.findings] == []
    assert len(result.journal.entries) > CHANGES * 0.7, "hardly anybody had anything to do"
    assert result.faults
    assert all(fault.recovered_s is not None for fault in result.faults)
    told = ", ".join(f"{fault.name} {fault.recovered_s:.1f} s" for fault in result.faults)
    sys.stdout.write(f"\n{len(result.journal.entries)} changes in {result.seconds:.0f} s; {told}\n")
