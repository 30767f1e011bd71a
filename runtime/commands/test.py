"""`smartstore test`: installs what the tests need, then lint, types, contracts and tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import typer

from runtime.audit import Audited, audit
from runtime.bootstrap import VENV, SetupFailed, install
from runtime.console import Terminal
from runtime.errors import CannotServe, TestsFailed
from runtime.settings import ROOT


@dataclass(frozen=True)
class SystemPackage:
    """A program that tests use and that no Python package brings."""

    package: str
    programs: tuple[str, ...]
    skipped_without: str


SYSTEM_PACKAGES = (
    SystemPackage(
        "chromium", ("chromium", "chromium-browser", "google-chrome"), "the browser tests"
    ),
)

QUICK = "not servers and not browser and not real_store"
"""Tests that need nothing but Python."""

WHOLE_SYSTEM = ("tests/integration", "tests/browser")
"""Tests of all processes together: half of the time of all tests."""

MOST_AGAIN = 5
"""More failures than this have a cause of their own."""

SUMMARY = b"=== short test summary info"
"""Where pytest begins to say what was skipped."""


@dataclass(frozen=True)
class Selection:
    """Tests that one pytest runs, and the folder where it notes which failed."""

    cache: Path
    chosen: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of pytest."""
        return ("-o", f"cache_dir={self.cache}", *self.chosen)

    def failures(self) -> list[str]:
        """Names of the tests that failed when it last ran; none where it did not come so far."""
        noted = self.cache / "v" / "cache" / "lastfailed"
        return sorted(json.loads(noted.read_bytes())) if noted.exists() else []


CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("lint", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
    ("contracts", ("lint-imports",)),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command("test", context_settings=settings)(run_checks)


def run_checks(
    context: typer.Context,
    fast: bool = typer.Option(False, "--fast", help="No system packages, no real servers."),
) -> None:
    """Run all checks. Arguments after -- go to pytest."""
    terminal = Terminal()
    try:
        install("requirements-dev.lock")
    except SetupFailed as error:
        raise CannotServe(str(error), fix="check the network and start again") from error
    if not fast:
        _install_system_packages(terminal)
    with ThreadPoolExecutor(1) as pool:
        asked = None if fast else pool.submit(audit)  # it waits for the package index
        failed = [name for name, command in CHECKS if not _check(terminal, name, command)]
        if asked is not None and not _told(terminal, asked.result()):
            failed.append("audit")
    if fast or context.args:
        tests_passed = run(["pytest", *(["-m", QUICK] if fast else []), *context.args]) == 0
    else:
        tests_passed = _run_side_by_side(terminal)
    if not failed:
        if not tests_passed:
            raise typer.Exit(1)
        return  # pytest's own summary stays the last line
    failed += [] if tests_passed else ["pytest"]
    terminal.warn(f"failed: {', '.join(failed)}")
    total = len(CHECKS) + (1 if fast else 2)
    sys.stderr.flush()
    sys.stdout.write(f"{total - len(failed)} passed, {len(failed)} failed\n")
    sys.stdout.flush()
    raise typer.Exit(TestsFailed.exit_code)


def _check(terminal: Terminal, name: str, command: Sequence[str]) -> bool:
    began_s = time.monotonic()
    passed = run(command) == 0
    if passed:
        terminal.done(name, " ".join(command[:2]), time.monotonic() - began_s)
    else:
        terminal.warn(f"{name} failed: {' '.join(command)}")
    return passed


def _told(terminal: Terminal, found: Audited) -> bool:
    """Known weaknesses of our packages are a failure; that nobody answers is not."""
    for line in (found.sentence, *found.findings):
        terminal.warn(line) if found.findings or not found.asked else terminal.say(line)
    return not found.findings


def _run_side_by_side(terminal: Terminal) -> bool:
    """The tests of the whole system, which wait most of the time, and beside them all others.
    Those politely: tests of the whole system have deadlines. What they say comes when both have
    ended: all of it where one failed, else what was skipped and the last line. Few that failed are
    tried once more, alone."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        whole = Selection(Path(folder, "whole"), WHOLE_SYSTEM)
        rest = Selection(
            Path(folder, "rest"), ("-q", *(f"--ignore={part}" for part in WHOLE_SYSTEM))
        )
        program, environment = _program("pytest")
        command = [program, *rest.arguments]
        if nice := shutil.which("nice"):
            command = [nice, "-n", "5", *command]
        others = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        terminal.say(f"{' and '.join(WHOLE_SYSTEM)}; beside them all others, told last.")
        try:
            whole_passed = run(["pytest", *whole.arguments]) == 0
            rest_passed = others.wait() == 0
        finally:
            others.kill()
            others.wait()
        said.seek(0)
        text = said.read()
        if rest_passed and SUMMARY in text:
            text = text[text.rfind(SUMMARY) :]
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
        whole_passed = whole_passed or passes_alone(terminal, whole)
        return (rest_passed or passes_alone(terminal, rest)) and whole_passed


def passes_alone(terminal: Terminal, failed: Selection) -> bool:
    """Beside all others a deadline may be missed where cores are few: that is told, and is no
    failure if it holds alone."""
    names = failed.failures()
    if not 0 < len(names) <= MOST_AGAIN:
        return False
    terminal.warn(f"failed beside all others, and tried once more alone: {', '.join(names)}")
    again = ("--last-failed", "--last-failed-no-failures=none")
    return run(["pytest", *failed.arguments, *again]) == 0


def run(command: Sequence[str]) -> int:
    """Of a program of our environment; its exit status."""
    program, environment = _program(command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, check=False)  # noqa: S603
    return done.returncode


def _program(name: str) -> tuple[str, dict[str, str]]:
    """Where it is, and the environment it runs in."""
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', '')}"}
    environment["PYTHONPATH"] = str(ROOT)
    return str(VENV / "bin" / name), environment


def _install_system_packages(terminal: Terminal) -> None:
    for wanted in SYSTEM_PACKAGES:
        if any(shutil.which(program) for program in wanted.programs):
            continue
        if os.geteuid() == 0 and shutil.which("apt-get"):
            terminal.say(f"Installing {wanted.package} with apt-get for {wanted.skipped_without}")
            if _apt_install(wanted.package):
                continue
        terminal.warn(
            f"no {wanted.package} here: {wanted.skipped_without} will be skipped "
            f"(apt-get install {wanted.package})"
        )


def _apt_install(package: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    installing = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    for command in (installing, ["apt-get", "update", "-qq"], installing):
        done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603
        if command is installing and done.returncode == 0:
            return True
    return False
