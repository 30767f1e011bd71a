"""The fault matrix as a plan; what it does to a system is its command's affair."""

from __future__ import annotations

import pytest

from runtime.chaos.beside import BESIDE
from runtime.chaos.deeds import DEEDS
from runtime.chaos.matrix import ROWS, Row, rows
from runtime.chaos.plan import DEED, MOST_CHANGES
from runtime.processes import PROCESSES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_breaks_one_thing_and_is_the_same_again(row: Row) -> None:
    plan = row.plan(7)
    assert plan == row.plan(7)
    assert plan != row.plan(8)
    (only,) = plan.rounds
    spoiled = bool(only.weather.requests or only.weather.webhooks)
    assert [bool(only.blows), spoiled, bool(only.beside)].count(True) == 1
    assert bool(only.lasting) != bool(only.blows), "recovery is counted from a blow, or from an end"
    assert not only.beside or only.beside in BESIDE
    assert len(only.changes) <= MOST_CHANGES
    for blow in only.blows:
        assert 0 < blow.before < len(only.changes)
        if blow.part.startswith(DEED):
            assert blow.name in DEEDS


def test_every_process_and_server_is_killed() -> None:
    killed = {part for row in ROWS for part in row.blows if not row.pause_s}
    assert {entry.name for entry in PROCESSES} | {"kafka", "mongod", "redis"} <= killed
    assert {f"{DEED}{name}" for name in DEEDS} <= killed
    assert set(BESIDE) == {row.beside for row in ROWS if row.beside}


def test_the_quick_form_is_a_part_and_a_name_chooses() -> None:
    quick = rows(quick=True)
    assert 8 <= len(quick) < len(rows(quick=False))
    assert [row.name for row in rows(quick=True, only=["late"])] == ["webhooks late"]
    names = [row.name for row in rows(quick=False, only=["LATE", "steps down"])]
    assert names == ["MongoDB steps down", "webhooks late"]
    assert rows(quick=False, only=["no such"]) == ()
