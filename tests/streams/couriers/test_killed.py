"""The proof of `smartstore bench labels` in small: real processes, really killed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.labels import ACCOUNTS, killed

pytestmark = pytest.mark.servers

ORDERS = 10


@pytest.mark.parametrize("code", ["aramex", "trans_express"])
async def test_never_two_labels_for_one_order(servers: Mapping[str, str], code: str) -> None:
    account = next(one for one in ACCOUNTS if one.code == code)
    made = await killed(servers["DATABASE_URL"], account, ORDERS, 3)
    assert made.kills > 1
    assert max(made.labels.values()) == 1
    assert made.states["created"] + made.states["unknown"] == ORDERS
    assert made.same
    if code == "aramex":  # it can be asked by our reference
        assert made.states["unknown"] == 0
