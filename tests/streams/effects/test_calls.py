"""What a killed process surely had not begun, and what nobody can tell."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from streams.database import Database
from streams.effects import calls as calls_module
from streams.effects.calls import Calls
from streams.effects.ledger import CLAIM_MS, Entry, Ledger
from tests.streams.effects.test_ledger import NOW_MS, perform

CLAIM = ("org", "order_status:1 shipped\nnow", 7)
DIES = """
import sys, time
from pathlib import Path
from streams.effects.calls import Calls
calls = Calls(Path(sys.argv[1]))
calls.begin(calls.name, "org", sys.argv[2], 7)
print(calls.name, flush=True)
time.sleep(60)
"""


async def killed(folder: Path, begun: str) -> str:
    """The name of a process that began one call and was killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES, str(folder), begun, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    name = (await process.stdout.readline()).decode().strip()
    assert not Calls(folder).never_begun(name, *CLAIM)  # it lives: it may be about to
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    return name


async def test_what_a_killed_process_had_begun_is_known(tmp_path: Path) -> None:
    name = await killed(tmp_path, CLAIM[1])
    calls = Calls(tmp_path)
    assert not calls.never_begun(name, *CLAIM)
    assert calls.never_begun(name, "org", "another", 7)
    assert calls.never_begun(name, *CLAIM[:2], 8)  # the same key, claimed again later
    assert calls.never_begun(name, "or", *CLAIM[1:])
    # Nothing is known of others: another machine, no name, a file that is gone, one that lives.
    boot = tmp_path / "boot"
    boot.write_text("another start of the machine\n")
    assert not Calls(tmp_path, boot).never_begun(name, "org", "another", 7)
    assert not calls.never_begun("", *CLAIM)
    assert not calls.never_begun("0" * 32, *CLAIM)
    assert not calls.never_begun(calls.name, *CLAIM)


def test_a_full_file_gives_way_and_an_old_name_can_no_longer_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_module, "MOST_BYTES", 1)
    calls, other = Calls(tmp_path), Calls(tmp_path)
    first = calls.name
    calls.begin(first, *CLAIM)
    assert calls.name != first
    assert not other.never_begun(first, "org", "under way", 7)
    calls.begin(calls.name, *CLAIM)
    assert other.never_begun(first, "org", "forgotten", 7)
    with pytest.raises(LookupError):
        calls.begin(first, "org", "forgotten", 7)


@pytest.mark.servers
async def test_a_claim_whose_call_was_never_begun_is_taken_over_once(
    tmp_path: Path, fresh: Database
) -> None:
    dead, living = Calls(tmp_path), Calls(tmp_path)
    former, ledger = Ledger(fresh, dead), Ledger(fresh, living)
    await former.claim(perform("cut"), NOW_MS)
    begun = await former.claim(perform("begun"), NOW_MS)
    former.begin(perform("begun"), begun)
    assert not (await ledger.claim(perform("cut"), NOW_MS)).mine  # it lives
    dead.close()
    assert not (await Ledger(fresh).claim(perform("cut"), NOW_MS)).mine
    found = await ledger.look("org", "cut")
    assert found is not None
    assert ledger.abandoned(perform("cut"), found)
    entries = await asyncio.gather(*(ledger.claim(perform("cut"), NOW_MS + 1) for _ in range(5)))
    (mine,) = [entry for entry in entries if entry.mine]
    assert (mine.attempts, mine.owner) == (2, living.name)
    # Whoever had it before, and was only slow, may not begin any more.
    with pytest.raises(LookupError):
        former.begin(perform("cut"), Entry("claimed", mine=True, owner=dead.name))
    left = await ledger.claim(perform("begun"), NOW_MS + CLAIM_MS + 1)
    assert (left.mine, left.state) == (False, "unknown")
    living.close()
