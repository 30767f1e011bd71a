"""The command line as a user meets it, without servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from runtime import state
from runtime.cli import app
from runtime.errors import SmartStoreError
from runtime.lock import HomeLock
from runtime.moments import moment_ms
from runtime.sections import Sections
from runtime.servers import ports
from runtime.settings import ROOT, RuntimeSettings
from schemas.clock import unix_ms


def smartstore(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SMARTSTORE_HOME": str(home), "NO_COLOR": "1"}
    return subprocess.run(
        [str(ROOT / "smartstore"), *arguments],
        env=environment,
        cwd=home,  # any folder will do
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_from_anywhere_even_beside_folders_with_our_names(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    done = smartstore("version", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("smartstore-sync 0.")


def test_status_of_nothing(tmp_path: Path) -> None:
    done = smartstore("status", "--json", home=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"running": False, "home": str(tmp_path), "processes": []}


def test_down_of_nothing_is_fine(tmp_path: Path) -> None:
    done = smartstore("down", home=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (0, "Not running")


def test_a_second_up_is_refused_in_one_line_with_the_way_out(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path)
    lock.acquire()
    done = smartstore("up", home=tmp_path)
    lock.release()
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        f"smartstore: SmartStore already runs in {tmp_path} (pid {os.getpid()})",
        "  fix: ./smartstore down, or set SMARTSTORE_HOME to another folder",
    ]


def test_doctor_says_what_is_wrong_and_what_to_type(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "smartstore"), "doctor", "--json"],
        env={
            **os.environ,
            "SMARTSTORE_HOME": str(tmp_path),
            "REDIS_URL": "redis://:pw@127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    found = {row["name"]: row for row in json.loads(done.stdout)}
    told = found["REDIS_URL"]
    assert told.pop("cause").startswith("Redis does not answer: ")
    assert told == {
        "name": "REDIS_URL",
        "level": "problem",
        "evidence": "redis://:•••@127.0.0.1:1",
        "fix": "check the address, and whether it wants TLS (rediss://); or unset REDIS_URL to use "
        "a local one",
    }


def test_a_mistyped_command_is_a_usage_error(tmp_path: Path) -> None:
    done = smartstore("stauts", home=tmp_path)
    assert done.returncode == 2
    assert "status" in done.stderr


def test_an_empty_variable_is_not_set() -> None:
    settings = RuntimeSettings.load({"KAFKA_URL": "", "PORT": "", "REDIS_URL": "redis://r"})
    assert settings.port == 3000
    assert settings.configured_endpoints() == {"REDIS_URL": "redis://r"}


def test_ports_are_remembered_while_free(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = ports.remembered(path, ("kafka", "redis"))
    assert ports.remembered(path, ("kafka", "redis")) == first
    path.write_text("not json")
    assert set(ports.remembered(path, ("kafka", "redis"))) == {"kafka", "redis"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://u:p%40ss@h:1,i:2/db?x=1", "mongodb://u:•••@h:1,i:2/db?x=1"),
        ("redis://h:1/0", "redis://h:1/0"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert state.redacted(url) == shown


def test_help_names_every_command_once_and_options_mean_the_same_everywhere() -> None:
    root = get_command(app)
    assert isinstance(root, Sections)
    context = root.make_context("smartstore", [], resilient_parsing=True)
    told = root.get_help(context)
    rows = [line.split()[0] for line in told.splitlines() if re.match(r"  [a-z]+  ", line)]
    assert sorted(rows) == sorted(root.commands)
    assert "More:" not in told, "name it in runtime/sections.py"
    organization, since = set(), set()
    for command in every_command(root):
        for option in command.params:
            assert "--organization" not in option.opts, command.name
            if "--org" in option.opts and command.name not in ("retry", "list"):
                organization.add(option.help)
            if "--since" in option.opts and command.name != "listen":
                since.add(option.help)
    assert len(organization) == len(since) == 1


def every_command(group: TyperGroup) -> Iterator[Any]:
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            yield from every_command(command)
        else:
            yield command


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800), ("4w", 2_419_200)],
)
def test_a_time_is_told_as_so_long_ago(text: str, ago_s: int) -> None:
    before = unix_ms()
    assert before <= moment_ms(text) + ago_s * 1000 <= unix_ms()


def test_a_time_is_told_by_the_clock_with_or_without_an_offset() -> None:
    assert moment_ms("2026-11-18T16:36:40+05:30") == 1_795_000_000_000
    here = datetime(2026, 11, 18, 9, 30)  # noqa: DTZ001 - this computer's own clock
    assert moment_ms("2026-11-18T09:30") == int(here.timestamp() * 1000)
    with pytest.raises(SmartStoreError, match="still to come"):
        moment_ms("2999-01-01")
    assert moment_ms("2999-01-01T00:00Z", to_come=True) == 32_472_144_000_000
    for wrong in ("", "h", "2x", "-2h", "²h", "yesterday"):
        with pytest.raises(SmartStoreError, match="is no time"):
            moment_ms(wrong)
