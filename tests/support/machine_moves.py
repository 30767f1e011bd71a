"""What may happen next in a world: one function a move, each taking small numbers, so that both
Hypothesis and a seeded walk can choose."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from schemas.fields import Kind
from support.machine_shape import PLATFORMS, START, Habits, changed
from support.machine_worker import FATES, ORGANIZATIONS, Setup
from support.machine_world import LOSSLESS, World

HOUR = 3_600_000
POLICIES = ("newest", "local", "remote", "merge", "manual", "winner")


def setup(
    kind: int,
    policy: int,
    habits: int,
    skew: int,
    *,
    repeats: bool = False,
    window: bool = False,
) -> Setup:
    """A run, told by small numbers."""
    name = POLICIES[policy % len(POLICIES)]
    skews = {0: (0, 0, 0), 1: (0, HOUR, -HOUR), 2: (HOUR, -HOUR, 7)}[skew % 3]
    return Setup(
        type=tuple(START)[kind % len(START)],
        policy=name,
        winner=PLATFORMS[kind % 3] if name == "winner" else "",
        habits=Habits(bool(habits & 1), bool(habits & 2), bool(habits & 4) and not window),
        skews=skews,
        warm=not skew // 3 % 2,
        repeats=repeats,
        window=window,
    )


def edit(world: World, org: int, platform: int, field: int, choice: int) -> None:
    names = list(START[world.setup.type])
    place = PLATFORMS[platform % len(PLATFORMS)]
    world.person(ORGANIZATIONS[org], place, names[field % len(names)], choice)


def queue(world: World, org: int, field: int, choice: int, age: int) -> None:
    """A program's word. It has no base, so it never means a merge."""
    names = list(START[world.setup.type])
    name = names[field % len(names)]
    journal = world.journals[ORGANIZATIONS[org]]
    kind = journal.kinds[name]
    if kind is Kind.COUNTER:
        world.queue(ORGANIZATIONS[org], {}, {name: choice % 7 - 4}, age)
        return
    if world.setup.policy == "merge" and kind in (Kind.LIST, Kind.MAP, Kind.TEXT):
        return
    number = journal.next_number(choice, kind)
    value = changed(world.setup.type, name, journal.start[name], number, choice, bare=False)
    world.queue(ORGANIZATIONS[org], {name: value}, {}, age)


def deliver(world: World, place: int, fate: int = 0) -> None:
    if world.bag:
        world.deliver(place, FATES[fate % len(FATES)])


def lose(world: World, place: int) -> None:
    if world.bag:
        place %= len(world.bag)
        if world.bag[place][0] not in LOSSLESS:
            kind, org, name, _ = world.bag.pop(place)
            world.say(f"lost: {kind} {org}/{name}")


def repeat(world: World, place: int) -> None:
    if world.bag and len(world.bag) < 40:
        world.bag.append(world.bag[place % len(world.bag)])


def wait(world: World, ms: int) -> None:
    world.now += ms
    world.tick()


def hush(world: World) -> None:
    """A good hour: everything sent so far arrives, and everything is read."""
    world.say("everything arrives")
    for org in ORGANIZATIONS:
        world.force(org)
    for _ in range(3):
        for _ in range(200):
            if not world.bag:
                break
            world.now += 1
            world.deliver(0)
        wait(world, 450)
    for org in ORGANIZATIONS:
        replicas = world.owner.records[org].replicas.values()
        asked = world.owner.records[org].conflicts
        if not (world.bag or asked or any(r.flight or r.reread for r in replicas)):
            world.journals[org].calm_at = world.now


def crash(world: World) -> None:
    world.say("the owner dies")
    world.crash()


def commit(world: World) -> None:
    world.committed = world.owner.at


def pause(world: World) -> None:
    if len(world.zombies) < 2:
        world.pause()


def wake(world: World, place: int, most: int) -> None:
    if world.zombies:
        world.wake(place, most)


def remember_or_restore(world: World) -> None:
    """The record of yesterday is kept, or comes back."""
    if world.yesterday is None:
        world.remember()
    else:
        world.restore()


def mask(world: World, org: int, platform: int) -> None:
    """A shop stops managing a field of an item, or begins again."""
    name = PLATFORMS[1 + platform % 2]
    store = world.stores[ORGANIZATIONS[org]][name]
    if store.exists and store.holds(store.mask):
        world.mask(ORGANIZATIONS[org], name, not store.masked)


def end(world: World, org: int, platform: int) -> None:
    """The item is deleted: by somebody, or by a program."""
    if platform % 4 == 3:
        world.queue_end(ORGANIZATIONS[org])
    else:
        world.end(ORGANIZATIONS[org], PLATFORMS[platform % 4])


def begin_again(world: World, org: int, platform: int, anew: bool) -> None:
    world.begin_again(ORGANIZATIONS[org], PLATFORMS[platform % 3], anew)


def answer(world: World, org: int, choice: int) -> None:
    how = ("manual", "local", "remote", "newest", "keep")[choice // 5 % 5]
    world.answer(ORGANIZATIONS[org], choice, how)


def storm(world: World, script: bytes) -> None:
    """Many moves, three bytes each: which, and a number that tells the rest."""
    for place in range(0, len(script) - 2, 3):
        world.now += script[place + 2] % 30
        move = TABLE[script[place] % len(TABLE)]
        move(world, script[place + 1] << 8 | script[place + 2])


def walk(world: World, dice: random.Random, steps: int) -> None:
    """So many moves, seeded."""
    storm(world, dice.randbytes(3 * steps))


def _edit(world: World, x: int) -> None:
    edit(world, x % 7 == 0, x // 7 % 3, x // 21 % 6, x // 126)


def _queue(world: World, x: int) -> None:
    queue(world, x % 7 == 0, x // 7 % 6, x // 42, AGES[x // 7 % len(AGES)])


AGES = (0, 50, 900, -500)
WAITS = (1, 40, 150, 450)
MOVES: dict[Callable[[World, int], Any], int] = {
    _edit: 26,
    _queue: 4,
    deliver: 40,
    lambda world, x: deliver(world, x // 5, x % 5 + 1): 3,
    lose: 6,
    repeat: 5,
    lambda world, x: wait(world, WAITS[x % 4]): 8,
    lambda world, _: hush(world): 2,
    lambda world, _: crash(world): 1,
    lambda world, _: commit(world): 4,
    lambda world, _: pause(world): 2,
    lambda world, x: wake(world, x % 2, x // 2 % 8): 3,
    lambda world, x: mask(world, x % 7 == 0, x // 7): 1,
    lambda world, _: remember_or_restore(world): 2,
    lambda world, x: end(world, x % 7 == 0, x // 7): 1,
    lambda world, x: begin_again(world, x % 7 == 0, x // 7, bool(x & 64)): 1,
    lambda world, x: answer(world, x % 7 == 0, x // 7): 3,
}
TABLE = [move for move, weight in MOVES.items() for _ in range(weight)]
