"""`smartstore test`: what failed beside all others is tried once more, alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.commands import test as command
from runtime.console import Terminal

ONCE = """
from pathlib import Path

def test_misses_its_deadline_once():
    seen = Path(__file__).with_name("seen")
    first = not seen.exists()
    seen.touch()
    assert not first

def test_is_wrong_always():
    assert {wrong}

def test_is_right():
    with Path(__file__).with_name("right").open("a") as told:
        told.write("x")
"""


@pytest.fixture
def selection(tmp_path: Path) -> command.Selection:
    return command.Selection(tmp_path / "cache", ("-q", str(tmp_path)))


@pytest.mark.parametrize("wrong", [True, False])
def test_only_what_failed_runs_again(
    selection: command.Selection, tmp_path: Path, wrong: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_once.py").write_text(ONCE.replace("{wrong}", str(wrong)))
    assert command.run(["pytest", *selection.arguments]) == 1
    assert [name.rpartition("::")[2] for name in selection.failures()] == [
        *(["test_is_wrong_always"] if not wrong else []),
        "test_misses_its_deadline_once",
    ]
    assert command.passes_alone(Terminal(), selection) is wrong
    assert (tmp_path / "right").read_text() == "x"
    assert "tried once more alone" in capfd.readouterr().err


def test_many_failures_have_a_cause_of_their_own(
    selection: command.Selection, tmp_path: Path
) -> None:
    (tmp_path / "test_many.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_wrong(n):\n    assert 0\n"
    )
    command.run(["pytest", *selection.arguments])
    assert len(selection.failures()) == command.MOST_AGAIN + 1
    assert not command.passes_alone(Terminal(), selection)


def test_a_run_that_never_began_is_not_repeated(selection: command.Selection) -> None:
    assert selection.failures() == []
    assert not command.passes_alone(Terminal(), selection)
