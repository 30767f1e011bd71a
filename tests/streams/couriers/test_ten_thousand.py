"""The proof of `smartstore bench couriers` in small: the real tracker on a virtual clock. The
carriers' limits hold, and the median delay is at most 1.5 times the least that they allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.couriers import CARRIERS, DAY_MS, watch
from streams.database import Database

pytestmark = pytest.mark.servers

SMALL = {
    # (parcels, watched in ms, how fast they live): the same kinds of limit, with few calls.
    "aramex": (1_700, 25_000, 0.003),
    "dhl": (60, DAY_MS // 2, 0.3),
    "skynet": (180, 90_000, 0.004),
}


@pytest.mark.parametrize("code", SMALL)
async def test_within_the_limit_and_hardly_late(fresh: Database, code: str) -> None:
    count, watched_ms, speed = SMALL[code]
    carrier = next(one for one in CARRIERS if one.code == code)
    row = await watch(fresh, replace(carrier, watched_ms=watched_ms, speed=speed), count, 7)
    assert row["refused"] == 0
    assert row["most a s"] <= {"dhl": 1}.get(code, 5)
    assert row["most a day"] <= {"dhl": 250}.get(code, 5 * 86_400)
    assert row["scans"] > 40  # enough for a median to mean something
    assert row["ratio"] <= 1.5
