"""`smartstore replay`: what it remembers, and what it does not write over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.commands.replay import Memory, Wanted, target_of
from runtime.errors import SmartStoreError
from schemas.archive import Place
from streams.archive.reading import Query
from streams.archive.replaying import Lines

ASKED = Query(organization="kandy", since_ms=5, until_ms=100)
PLACE = Place(42, "feed", 1, 7)


def test_it_goes_on_where_it_stopped_and_later_with_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "state"
    Memory(path, ASKED).reached(PLACE, 3, 120)
    later = Query(organization="kandy", since_ms=6, until_ms=200)  # `7d`, a moment later
    again = Memory(path, later)
    assert (again.begun, again.size) == (True, 120)
    assert (again.query.after, again.query.until_ms) == (PLACE, 100)
    again.reached(PLACE, 2, 200)
    assert json.loads(path.read_text())["events"] == 5
    again.ended()
    assert Memory(path, later).query.until_ms == 200
    with pytest.raises(SmartStoreError, match="something else"):
        Memory(path, Query(organization="galle", until_ms=1))


async def test_what_a_kill_left_behind_the_remembered_line_goes(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_bytes(b"one\ntwo\nhal")
    lines = Lines(path, 8)
    assert lines.size == 8
    await lines.put([])
    await lines.close()
    assert path.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("name", ["all.jsonl", "all.parquet", "folder"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
        (path / "x.parquet").touch()
    else:
        path.touch()
    kind = "jsonl" if name.endswith("jsonl") else "parquet"
    wanted = Wanted(f"{kind}:{path}", None, None, yes=True, dry_run=False)
    with pytest.raises(SmartStoreError, match="there already"):
        target_of(None, wanted, Memory(None, ASKED))  # type: ignore[arg-type]
