"""Makes `.smartstore/venv` from a lock file. Standard library only: nothing is installed yet.

Run by ./smartstore as a script; `runtime.commands.test` calls `install` for the test tools.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".smartstore" / "venv"

_STAMPS = {"requirements.lock": "installed.lock", "requirements-dev.lock": "installed-dev.lock"}


class SetupFailed(Exception):
    """The environment could not be made; the message says what to do."""


def find_uv() -> str | None:
    """uv installs the whole set in seconds; pip is the way without it."""
    return os.environ.get("UV") or shutil.which("uv")


def is_installed(lock: str) -> bool:
    """True when the environment was completed from exactly this lock."""
    stamp = VENV / _STAMPS[lock]
    return stamp.is_file() and stamp.read_bytes() == (ROOT / lock).read_bytes()


def install(lock: str) -> None:
    """Bring the environment to `lock`. A second caller waits for the first and finds it done."""
    if is_installed(lock):
        return
    VENV.parent.mkdir(parents=True, exist_ok=True)
    with (VENV.parent / "venv.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_installed(lock):
            return
        uv = find_uv()
        count = sum(1 for line in (ROOT / lock).read_text().splitlines() if "==" in line)
        tool = "uv" if uv else "pip, a minute or two"
        _say(f"Setting up .smartstore/venv from {lock} ({count} packages, with {tool})")
        _make_venv(uv)
        _install_lock(uv, lock)
        _stamp(lock)


def _make_venv(uv: str | None) -> None:
    if _works():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
        return
    try:
        _run([sys.executable, "-m", "venv", str(VENV)])
    except SetupFailed as error:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupFailed(
            f"python venv failed ({error}); on Debian and Ubuntu: apt-get install python3-venv"
        ) from error


def _works() -> bool:
    """False for no environment, and for one whose Python was since removed."""
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-c", ""], capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


def _install_lock(uv: str | None, lock: str) -> None:
    python = str(VENV / "bin" / "python")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        if not _has_pip(python):
            _run([python, "-m", "ensurepip"], quiet=True)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*command, "--require-hashes", "-r", str(ROOT / lock)])


def _has_pip(python: str) -> bool:
    done = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


def _stamp(lock: str) -> None:
    stamp = VENV / _STAMPS[lock]
    fresh = stamp.with_suffix(".new")
    fresh.write_bytes((ROOT / lock).read_bytes())
    fresh.replace(stamp)


def _run(command: list[str], *, quiet: bool = False) -> None:
    # The caller's virtual environment must not steer pip or uv away from ours.
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    output = subprocess.DEVNULL if quiet else sys.stderr
    try:
        done = subprocess.run(command, env=environment, stdout=output, check=False)  # noqa: S603
    except OSError as error:
        raise SetupFailed(f"cannot run {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise SetupFailed(f"{' '.join(command[:3])} ended with {done.returncode}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    try:
        install("requirements.lock")
    except SetupFailed as failure:
        _say(f"smartstore: {failure}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
