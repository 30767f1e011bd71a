"""The proof of `smartstore bench labels` in small: real processes, really killed. Couriers that can
be asked by our reference take longer (for half an hour they are asked): see the benchmark."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.labels import ACCOUNTS, killed

pytestmark = pytest.mark.servers

ORDERS = 10


async def test_never_two_labels_for_one_order(servers: Mapping[str, str]) -> None:
    account = next(one for one in ACCOUNTS if one.code == "trans_express")
    made = await killed(servers["DATABASE_URL"], account, ORDERS, 3)
    assert made.kills >= 1
    assert max(made.labels.values()) == 1
    assert made.states["created"] + made.states["unknown"] == ORDERS
    assert made.same
