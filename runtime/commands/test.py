"""`smartstore test`: installs what the tests need, then lint, types, contracts and tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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

SUMMARY = b"=== short test summary info"
"""Where pytest begins to say what was skipped."""

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
        tests_passed = _run(["pytest", *(["-m", QUICK] if fast else []), *context.args]) == 0
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
    passed = _run(command) == 0
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
    ended: all of it where one failed, else what was skipped and the last line."""
    with tempfile.TemporaryFile() as said:
        program, environment = _program("pytest")
        command = [program, "-q", "-p", "no:cacheprovider"]
        command += [f"--ignore={folder}" for folder in WHOLE_SYSTEM]
        if nice := shutil.which("nice"):
            command = [nice, "-n", "5", *command]
        others = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        terminal.say(f"{' and '.join(WHOLE_SYSTEM)}; beside them all others, told last.")
        try:
            whole_passed = _run(["pytest", *WHOLE_SYSTEM]) == 0
            others_passed = others.wait() == 0
        finally:
            others.kill()
            others.wait()
        said.seek(0)
        text = said.read()
        if others_passed and SUMMARY in text:
            text = text[text.rfind(SUMMARY) :]
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    if others_passed and not whole_passed:
        terminal.warn(f"failed: {' or '.join(WHOLE_SYSTEM)} (further up)")
    return whole_passed and others_passed


def _run(command: Sequence[str]) -> int:
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
