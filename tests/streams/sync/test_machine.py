"""The engine under whatever Hypothesis can think of: three platforms, two organisations, every kind
of field; messages lost, repeated, delayed and reordered; workers that die, sleep and wake; the
record of yesterday; skewed clocks; platforms that rewrite, lack and hide fields.

What must hold is in support/machine_judge.py, the answers in support/reference.py. A failure prints
how to repeat it. SMARTSTORE_HYPOTHESIS=nightly tries many more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from support import machine_moves as moves
from support.machine_judge import judge, settle
from support.machine_worker import FATES
from support.machine_world import World

ROOT = Path(__file__).resolve().parents[3]
NIGHTLY = os.environ.get("SMARTSTORE_HYPOTHESIS") == "nightly"
COMMON = settings(
    deadline=None,
    derandomize=False,
    print_blob=True,
    stateful_step_count=8,
    database=DirectoryBasedExampleDatabase(ROOT / ".smartstore" / "hypothesis"),
    suppress_health_check=[HealthCheck.too_slow],
)
STRICT = settings(COMMON, max_examples=22_000 if NIGHTLY else 1_800)
PLAIN = settings(COMMON, max_examples=4_000 if NIGHTLY else 250)

byte = st.integers(0, 255)
org = st.sampled_from((0, 0, 0, 0, 1))


class Machine(RuleBasedStateMachine):
    """Rules are moves; the judge comes at the end."""

    window = False
    world: World

    @initialize(
        kind=st.integers(0, 2),
        policy=st.integers(0, 5),
        habits=st.integers(0, 7),
        skew=st.integers(0, 5),
        repeats=st.sampled_from((False, False, False, True)),
    )
    def begin(self, kind: int, policy: int, habits: int, skew: int, repeats: bool) -> None:
        setup = moves.setup(kind, policy, habits, skew, repeats=repeats, window=self.window)
        self.world = World(setup)

    @rule(org=org, platform=st.integers(0, 2), field=st.integers(0, 5), choice=byte)
    def edit(self, org: int, platform: int, field: int, choice: int) -> None:
        moves.edit(self.world, org, platform, field, choice)

    @rule(script=st.binary(min_size=30, max_size=120))
    def storm(self, script: bytes) -> None:
        """Most of it: ten to forty moves in one draw, which is what makes thousands affordable."""
        moves.storm(self.world, script)

    @rule(
        org=org,
        field=st.integers(0, 5),
        choice=byte,
        age=st.sampled_from((0, 50, 900, -500)),
    )
    def queue(self, org: int, field: int, choice: int, age: int) -> None:
        moves.queue(self.world, org, field, choice, age)

    @rule(places=st.lists(st.integers(0, 40), min_size=1, max_size=6))
    def deliver(self, places: list[int]) -> None:
        for place in places:
            self.world.now += 7
            moves.deliver(self.world, place)

    @rule(place=st.integers(0, 40), fate=st.integers(1, len(FATES) - 1))
    def deliver_and_die(self, place: int, fate: int) -> None:
        moves.deliver(self.world, place, fate)

    @rule(place=st.integers(0, 40), again=st.booleans())
    def lose_or_repeat(self, place: int, again: bool) -> None:
        (moves.repeat if again else moves.lose)(self.world, place)

    @rule(ms=st.sampled_from((1, 40, 150, 450)))
    def wait(self, ms: int) -> None:
        moves.wait(self.world, ms)

    @rule()
    def everything_arrives(self) -> None:
        moves.hush(self.world)

    @rule(how=st.sampled_from((moves.crash, moves.commit, moves.pause)))
    def worker(self, how: Any) -> None:
        how(self.world)

    @rule(place=st.integers(0, 1), most=st.integers(0, 8))
    def wake(self, place: int, most: int) -> None:
        moves.wake(self.world, place, most)

    @rule()
    def yesterday(self) -> None:
        moves.remember_or_restore(self.world)

    @rule(org=org, platform=st.integers(0, 1))
    def mask(self, org: int, platform: int) -> None:
        moves.mask(self.world, org, platform)

    @rule(org=org, platform=st.integers(0, 3))
    def end(self, org: int, platform: int) -> None:
        moves.end(self.world, org, platform)

    @rule(org=org, platform=st.integers(0, 2), anew=st.booleans())
    def begin_again(self, org: int, platform: int, anew: bool) -> None:
        moves.begin_again(self.world, org, platform, anew)

    @rule(org=org, choice=byte)
    def answer(self, org: int, choice: int) -> None:
        moves.answer(self.world, org, choice)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        settle(self.world)
        wrong = judge(self.world)
        if self.window:
            event(f"changes lost in a plain shop's window: {len(self.lost())}")
        assert not wrong, "\n".join([*sorted(wrong), str(self.world.setup), *self.world.story])

    def lost(self) -> list[str]:
        return [name for journal in self.world.journals.values() for name in journal.lost]


class PlainShop(Machine):
    """The same with a shop where an edit may come between the compare and the write: such an edit
    is lost, and counted; everything else holds."""

    window = True


TestMachine = Machine.TestCase
TestMachine.settings = STRICT
TestPlainShop = PlainShop.TestCase
TestPlainShop.settings = PLAIN
pytestmark = pytest.mark.timeout(7_200 if NIGHTLY else 900)
