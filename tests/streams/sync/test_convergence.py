"""The protocol, with the real `decide`, under everything that goes wrong
(tests/.../simulation.py)."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

SEEDS = int(os.environ.get("SMARTSTORE_SEEDS", "40"))


def load_simulation() -> Any:
    """The module beside this one: tests are imported without packages (importlib mode)."""
    path = Path(__file__).with_name("simulation.py")
    spec = importlib.util.spec_from_file_location("sync_simulation", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


simulation = load_simulation()
Faults = simulation.Faults


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
    assert simulation.wrong_seeds(faults, range(SEEDS)) == {}


def test_the_judge_notices_a_lost_write() -> None:
    """The simulation would see a mistake: an engine that forgets the stock of one platform."""

    class Forgetful(simulation.Simulation):  # type: ignore[misc,name-defined]
        def carry_out(self, command: Any) -> None:
            if getattr(command, "want", {}).get("quantity") is not None:
                return
            super().carry_out(command)

    assert simulation.wrong_seeds(Faults(), range(5), Forgetful)
