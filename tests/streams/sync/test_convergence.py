"""The protocol, with the real `decide`, under everything that goes wrong
(tests/support/simulation.py)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from support.lifecycle import Life
from support.model_platform import Faults
from support.simulation import Simulation, wrong_seeds

SEEDS = int(os.environ.get("SMARTSTORE_SEEDS", "40"))


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(), id="loss, repeats, reordering, crashes"),
        pytest.param(Faults(zombies=True), id="woken former owners"),
        pytest.param(Faults(rollback=True), id="a record from long ago"),
        pytest.param(Faults(edits=True), id="queued edits"),
        pytest.param(Faults(manual=True), id="conflicts held for a person"),
        pytest.param(Faults(normalises=True), id="a platform that rewrites"),
        pytest.param(Faults(skew=3600), id="skewed clocks"),
        pytest.param(Faults(plain=True), id="a shop without compare-and-set"),
        pytest.param(
            Faults(zombies=True, edits=True, normalises=True, skew=3600), id="everything at once"
        ),
    ],
)
def test_converges_whatever_happens(faults: Any) -> None:
    assert wrong_seeds(faults, range(SEEDS)) == {}


def test_the_judge_notices_a_lost_write() -> None:
    """The simulation would see a mistake: an engine that forgets the stock of one platform."""

    class Forgetful(Simulation):
        def carry_out(self, command: Any) -> None:
            if getattr(command, "want", {}).get("quantity") is not None:
                return
            super().carry_out(command)

    assert wrong_seeds(Faults(), range(5), Forgetful)


@pytest.mark.parametrize("told", [False, True], ids=["swept", "told of everything"])
def test_an_items_life_leaves_one_of_it_everywhere_or_none(told: bool) -> None:
    """Made on either side or on both at once, edited, sold, deleted (support/lifecycle.py)."""
    wrong = {
        (entity_type, seed): found
        for entity_type in ("inventory", "product")
        for seed in range(SEEDS)
        if (found := Life(seed, entity_type, told=told).live())
    }
    assert wrong == {}
