"""The judge bites: with each rule broken in turn (support/mutations.py) it must object, and without
it must not, on the same seeds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from support import machine_moves as moves
from support.machine_judge import judge, settle
from support.mutations import DAMAGES, Damage

SEEDS = 80
SOUND = Damage("nothing")


def complaints(damage: Damage, seed: int) -> set[str]:
    """What is wrong with one seeded run."""
    dice = random.Random(seed)
    setup = moves.setup(*(dice.randrange(60) for _ in range(4)))
    world = damage.world(replace(setup, **damage.setup), engine=damage.engine())
    moves.walk(world, dice, 70)
    settle(world)
    return judge(world)


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.what for damage in DAMAGES])
def test_the_judge_objects(damage: Damage) -> None:
    found: set[str] = set()
    for seed in range(SEEDS):
        found = complaints(damage, seed)
        if any(damage.says in complaint for complaint in found):
            break
    else:
        pytest.fail(f"nobody noticed {damage.what}")
    sound = replace(SOUND, setup=damage.setup)
    assert complaints(sound, seed) == set()


def test_a_sound_world_is_never_objected_to() -> None:
    assert {seed: found for seed in range(150) if (found := complaints(SOUND, seed))} == {}
