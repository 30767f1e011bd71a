"""One root for one content."""

from __future__ import annotations

from hashlib import sha256

from streams.upkeep.drift.judge import Judged
from streams.upkeep.drift.tally import Tally
from streams.upkeep.drift.tree import NODE, root_of


def leaf(number: int) -> bytes:
    return sha256(str(number).encode()).digest()


def test_a_root_is_of_the_content_in_any_order() -> None:
    leaves = {f"{n:05}": leaf(n) for n in range(2 * NODE + 7)}
    shuffled = dict(sorted(leaves.items(), key=lambda one: one[1]))
    assert root_of(shuffled) == root_of(leaves)
    assert root_of({**leaves, "00003": leaf(4)}) != root_of(leaves)
    assert root_of({name: one for name, one in leaves.items() if name != "01000"}) != root_of(
        leaves
    )


def test_a_tree_has_nodes_of_500_and_one_root() -> None:
    names = [f"{n:04}" for n in range(NODE + 1)]
    first = sha256(b"".join(leaf(n) for n in range(NODE))).digest()
    second = sha256(leaf(NODE)).digest()
    wanted = sha256(first + second).hexdigest()
    assert root_of({name: leaf(n) for n, name in enumerate(names)}) == wanted


def test_nothing_there_is_no_leaf() -> None:
    assert root_of({"a": leaf(1), "b": b""}) == root_of({"a": leaf(1)})
    assert root_of({}) == sha256(b"").hexdigest()


def test_a_tally_keeps_what_was_found_and_what_is_left() -> None:
    tally = Tally("product")
    tally.note(Judged("product", "1", "p1", "same", leaf(1), leaf(1)))
    drifted = Judged("product", "2", "p2", "drift", leaf(2), leaf(3), ("price",))
    tally.note(drifted, found=True)
    tally.note(Judged("product", "3", "p3", "owed", leaf(4), leaf(5)), found=True)
    assert tally.compared == 3
    assert set(tally.different) == {"2", "3"}
    assert set(tally.found) == {"2"}, "what is owed is known, not found"
    ours, theirs = tally.roots
    assert ours != theirs
    tally.note(Judged("product", "2", "p2", "same", leaf(3), leaf(3)))
    tally.forget("3")
    assert (tally.different, set(tally.found), tally.compared) == ({}, {"2"}, 2)
    ours, theirs = tally.roots
    assert ours == theirs
