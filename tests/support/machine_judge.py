"""Heals a world, waits until it is quiet, and judges it against the reference."""

from __future__ import annotations

from typing import Any

from schemas.fields import Kind
from support.machine_shape import identity
from support.machine_worker import ORGANIZATIONS, TIMING
from support.machine_world import World
from support.reference import BEGIN, PERSON, QUEUE, Update
from support.reference_merge import ABSENT, merged

MOST_WRITES = 6
"""Writes to one replica from the last change on, each with its cause: the one that was out, and its
repeat; one for what each of the three replicas has not been heard of yet; and the last word."""
MOST_ROUNDS = 20
MOST_ANSWERS = 30
MOST_MESSAGES = 400
ENDLESS = {"messages without end", "never calm"}
MERGED = (Kind.LIST, Kind.MAP, Kind.TEXT)


def settle(world: World) -> None:
    """Faults are over: everything is delivered, everything is read, people answer. Complains where
    it does not become quiet, and where it does not stay so."""
    world.zombies.clear()
    _calm(world)
    for org, stores in world.stores.items():
        for name, store in stores.items():
            if store.masked:
                world.mask(org, name, False)
    _calm(world)
    for answered in range(MOST_ANSWERS):
        for org in ORGANIZATIONS:
            _judge_inbox(world, org)
        asked = [org for org in ORGANIZATIONS if world.owner.records[org].conflicts]
        if not asked or world.complaints & ENDLESS:
            break
        world.answer(asked[0], answered)
        _calm(world)
    else:
        world.complaints.add("conflicts without end")
    before = dict(world.sent)
    for _ in range(2):
        world.now += TIMING.longest_ms * 3
        world.tick()
        _sweep(world)
        _empty(world)
    if world.sent != before:
        world.complaints.add("not quiet")


def _calm(world: World) -> None:
    """Until nothing moves and nothing is owed, in a bounded number of writes."""
    before = dict(world.sent)
    for _ in range(MOST_ROUNDS):
        sent, contents = dict(world.sent), _contents(world)
        _empty(world)
        world.now += TIMING.overdue_ms + 60
        world.tick()
        _empty(world)
        _sweep(world)
        _empty(world)
        if world.complaints & ENDLESS:
            return
        if sent == world.sent and contents == _contents(world) and not _waits(world):
            break
    else:
        world.complaints.add("never calm")
    for place, count in world.sent.items():
        if count - before.get(place, 0) > MOST_WRITES:
            world.complaints.add(f"busy: {count - before.get(place, 0)} writes to {place}")


def _contents(world: World) -> list[Any]:
    return [
        (record.fields, {name: r.shadow for name, r in record.replicas.items()}, record.conflicts)
        for record in world.owner.records.values()
    ]


def _waits(world: World) -> bool:
    return any(
        replica.flight is not None or replica.reread
        for record in world.owner.records.values()
        for replica in record.replicas.values()
    )


def _empty(world: World) -> None:
    for _ in range(MOST_MESSAGES):
        if not world.bag:
            return
        world.now += 1
        world.deliver(0)
    world.complaints.add("messages without end")


def _sweep(world: World) -> None:
    """Force sync; and what the engine does not know of is listed and pushed."""
    for org in ORGANIZATIONS:
        if not _touched(world, org):
            continue
        world.force(org)
        for name, store in world.stores[org].items():
            known = world.owner.records[org].replicas.get(name)
            if store.exists and (known is None or known.external_id != store.external_id):
                world.send("push", org, name, store.seen())


def _touched(world: World, org: str) -> bool:
    """Whether anything was ever done to this organisation's entity."""
    journal = world.journals[org]
    return bool(
        journal.deleted
        or journal.created
        or world.owner.records[org] is not world.first[org]
        or any(len(found) > 1 for found in journal.updates.values())
    )


def judge(world: World) -> set[str]:
    """Everything that is wrong, in words; empty when all is well."""
    for org in ORGANIZATIONS:
        if not _touched(world, org):
            held = {name: store.fields for name, store in world.stores[org].items()}
            if held != world.held_first[org]:
                world.complaints.add(f"{org} was never touched and has changed")
            continue
        alive = [store.exists for store in world.stores[org].values()]
        if any(alive) and not all(alive):
            world.complaints.add(f"{org} lives in some places only: {alive}")
        fate = world.journals[org].fate()
        if fate is not None and all(alive) is not fate:
            world.complaints.add(f"{org} should be {'kept' if fate else 'deleted'}")
        if all(alive):
            _judge_fields(world, org)
        _judge_inbox(world, org)
        _judge_losses(world, org)
    return world.complaints


def _judge_fields(world: World, org: str) -> None:
    record, setup = world.owner.records[org], world.setup
    journal = world.journals[org]
    for name in journal.kinds:
        agreed = record.fields[name].value
        if name in record.conflicts:
            continue
        for platform, store in world.stores[org].items():
            profile = world.profiles[platform].types[setup.type]
            hidden = store.masked and store.mask == name
            if name not in profile.writable or hidden:
                continue
            if store.normal(name, store.fields[name]) != store.normal(name, agreed):
                world.complaints.add(
                    f"{org} {name} differs: {platform} {store.fields[name]!r}, agreed {agreed!r}"
                )
        if journal.exact(name):
            _judge_value(world, org, name, agreed)


def _judge_value(world: World, org: str, name: str, agreed: Any) -> None:
    setup, journal = world.setup, world.journals[org]
    kind = journal.kinds[name]
    if setup.policy == "merge" and kind in MERGED:
        unclear = name in journal.forgotten or _spoken(journal.updates[name])
        if unclear or (journal.repeats and kind is Kind.TEXT):
            return
        found = merged(
            kind,
            journal.start[name],
            journal.updates[name],
            _plain,
            spelt=setup.habits.rewrites,
        )
        held = _elements(kind, agreed, found.elements)
        for element, allowed in found.elements.items():
            if held.get(element, ABSENT) not in allowed:
                world.complaints.add(
                    f"{org} {name}[{element}] is {held.get(element, ABSENT)!r}, not of "
                    f"{sorted(map(repr, allowed))}: {found.why}"
                )
        if set(held) - set(found.elements):
            world.complaints.add(f"{org} {name} holds what nobody wrote: {agreed!r}")
        return
    permitted = journal.permitted(name, setup.policy, setup.winner)
    if identity(setup.type, name, agreed) not in permitted.identities:
        world.complaints.add(
            f"{org} {name} is {agreed!r}, not of {sorted(map(repr, permitted.identities))}: "
            f"{permitted.why}"
        )


def _spoken(updates: list[Update]) -> bool:
    return any(update.place in (PERSON, QUEUE) for update in updates)


def _plain(value: Any) -> Any:
    return identity("product", "description", value) if isinstance(value, str) else value


def _elements(kind: Kind, value: Any, wanted: dict[Any, Any]) -> dict[Any, Any]:
    if kind is Kind.LIST:
        return {item: item in value for item in {*value, *wanted}}
    if kind is Kind.TEXT:
        return dict(enumerate(_plain(value).split("\n")))
    return dict(value)


def _judge_inbox(world: World, org: str) -> None:
    """The inbox shows what is open, and nothing else."""
    if world.restored:
        return
    shown: dict[str, Any] = {}
    for line in world.lines[org].conflicts:
        if not line.automatic and (
            line.field not in shown or line.version >= shown[line.field].version
        ):
            shown[line.field] = line
    still = {name: line.candidates for name, line in shown.items() if line.status == "open"}
    held = world.owner.records[org].conflicts
    if still != {name: conflict.candidates for name, conflict in held.items()}:
        world.complaints.add(f"{org} the inbox shows {still}, open are {held}")


def _judge_losses(world: World, org: str) -> None:
    """Every accepted change stands, was written over where it was made, was merged, or lost to a
    winner that a line names."""
    journal, lines = world.journals[org], world.lines[org]
    if lines.lost or world.restored or journal.deleted or journal.repeats:
        return
    record = world.owner.records[org]
    named: dict[str, set[Any]] = {name: set() for name in journal.kinds}
    for line in lines.feed:
        for name, value in line.previous.items():
            if name in named:
                named[name].add(journal.key(journal.type, name, value))
    for line in lines.conflicts:
        if line.field in named:
            for value in line.candidates.values():
                named[line.field].add(journal.key(journal.type, line.field, value))
    for name, updates in journal.updates.items():
        kind = journal.kinds[name]
        merges = world.setup.policy == "merge" and kind in MERGED
        if kind in (Kind.COUNTER, Kind.LATTICE) or merges or name in journal.lost:
            continue
        stands = journal.key(journal.type, name, record.fields[name].value)
        replaced = {number for u in updates if u.place not in (QUEUE, PERSON) for number in u.over}
        for update in updates:
            value = journal.key(journal.type, name, update.value)
            if update.place == BEGIN or value == stands or value in named[name]:
                continue
            if update.number not in replaced:
                world.complaints.add(f"{org} {name}: {update.value!r} was lost without a word")
