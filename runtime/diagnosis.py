"""The checks of `doctor`, each a function from settings to findings."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from runtime import state
from runtime.bootstrap import VENV, is_installed
from runtime.child import tail
from runtime.lock import HomeLock
from runtime.servers import jars, wheels
from runtime.servers.ports import is_free
from runtime.settings import RuntimeSettings, load_environment
from schemas.settings import SettingsError, load_endpoints
from streams.reach import ASKS

_NEEDED_GB = 2.0
_NEEDED_MEMORY_GB = 1.5


@dataclass(frozen=True)
class Finding:
    """`level` is ok, warning or problem; a fix is a command or a setting, exact."""

    name: str
    level: str
    cause: str
    evidence: str = ""
    fix: str = ""


def diagnose(settings: RuntimeSettings) -> list[Finding]:
    """All checks, in the order in which a fault would show."""
    checks = (_python, _environment, _machine, _disk, _memory, _programs, _running, _endpoints)
    return [finding for check in checks for finding in check(settings)]


def _python(settings: RuntimeSettings) -> Iterator[Finding]:
    found = platform.python_version()
    yield Finding("python", "ok", f"Python {found}, {sys.executable}")


def _environment(settings: RuntimeSettings) -> Iterator[Finding]:
    if not VENV.exists():  # installed by other means, as in the container
        return
    if is_installed("requirements.lock"):
        yield Finding("environment", "ok", "installed from requirements.lock")
    else:
        yield Finding(
            "environment",
            "warning",
            "packages are not those of requirements.lock",
            ".smartstore/venv/installed.lock differs",
            "./smartstore version",
        )


def _machine(settings: RuntimeSettings) -> Iterator[Finding]:
    name = f"{platform.system()} {platform.machine()}"
    if wheels.is_served_here() or len(settings.configured_endpoints()) == 3:
        yield Finding("machine", "ok", name)
    else:
        yield Finding(
            "machine",
            "warning",
            "the local servers' packages are for Linux x86-64",
            name,
            "docker compose up",
        )


def _disk(settings: RuntimeSettings) -> Iterator[Finding]:
    for name, path in (("data", settings.home), ("cache", settings.cache)):
        folder = next(parent for parent in (path, *path.parents) if parent.exists())
        free_gb = shutil.disk_usage(folder).free / 1e9
        if not os.access(folder, os.W_OK):
            fix = f"sudo chown {os.getuid()} {folder}"
            yield Finding(name, "problem", f"{path} cannot be written", str(folder), fix)
        elif free_gb < _NEEDED_GB:
            evidence = f"{free_gb:.1f} GB free in {folder}"
            fix = "free some space, or set SMARTSTORE_HOME to another disk"
            yield Finding(name, "warning", f"less than {_NEEDED_GB:.0f} GB free", evidence, fix)
        else:
            yield Finding(name, "ok", f"{path} ({free_gb:.0f} GB free)")


def _memory(settings: RuntimeSettings) -> Iterator[Finding]:
    free_gb = psutil.virtual_memory().available / 1e9
    if free_gb >= _NEEDED_MEMORY_GB:
        yield Finding("memory", "ok", f"{free_gb:.1f} GB available")
    else:
        yield Finding(
            "memory",
            "warning",
            "servers and workers need about 1.5 GB",
            f"{free_gb:.1f} GB available",
            "close other programs",
        )


def _programs(settings: RuntimeSettings) -> Iterator[Finding]:
    configured = settings.configured_endpoints()
    wanted = (
        ("KAFKA_URL", "java", "java"),
        ("DATABASE_URL", "mongodb", "mongod"),
        ("REDIS_URL", "redis", "redis-server"),
    )
    for variable, wheel, program in wanted:
        if variable in configured:
            yield Finding(program, "ok", f"{variable} is configured: no local server")
        elif path := shutil.which(program):
            yield Finding(program, "ok", path)
        elif wheels.cached(wheel, settings.cache).is_dir():
            yield Finding(program, "ok", "in the cache")
        elif wheels.is_served_here():
            yield Finding(program, "ok", "will be fetched at the first start")
        else:
            fix = f"install {program}, or set {variable}"
            yield Finding(program, "problem", f"no {program} on this machine", "", fix)
    if "KAFKA_URL" not in configured:
        listed = jars.read_lock(jars.LOCK.read_text())
        have = sum(jar.target(settings.cache).is_file() for jar in listed)
        yield Finding("kafka", "ok", f"{have} of {len(listed)} jars in the cache")


def _running(settings: RuntimeSettings) -> Iterator[Finding]:
    running = state.read(settings.home)
    if running is None:
        holder = HomeLock(settings.home).holder()
        if holder is not None:
            yield Finding("running", "ok", f"starting (pid {holder})")
            return
        yield Finding("running", "ok", "not running")
        for name, port in (("PORT", settings.port), ("WEBSOCKET_PORT", settings.websocket_port)):
            if not is_free(port, settings.host):
                cause = f"{port} is busy: another port will be used"
                yield Finding("port", "warning", cause, _listener_on(port), f"{name}={port + 10}")
        return
    for process in running.processes:
        if process.state == "ready":
            yield Finding(process.name, "ok", f"pid {process.pid}, {process.restarts} restarts")
        else:
            evidence = tail(process.log, 3)
            cause = f"{process.state}, {process.restarts} restarts"
            yield Finding(process.name, "problem", cause, evidence, f"less {process.log}")


def _endpoints(settings: RuntimeSettings) -> Iterator[Finding]:
    """As our own clients would: with TLS and passwords, to an answer."""
    configured = settings.configured_endpoints()
    if not configured:
        return
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it has to say is told here
    try:
        endpoints = load_endpoints(load_environment())
    except SettingsError as error:
        yield Finding("settings", "problem", str(error), "", "correct the environment or .env")
        return
    for name, url in configured.items():
        trouble = asyncio.run(ASKS[name](endpoints))
        if trouble is None:
            yield Finding(name, "ok", f"{state.redacted(url)} answers")
        else:
            fix = f"{trouble.fix}; or unset {name} to use a local one"
            yield Finding(name, "problem", trouble.cause, state.redacted(url), fix)


def _listener_on(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            at_port = connection.laddr and connection.laddr.port == port
            if at_port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"pid {connection.pid}, {psutil.Process(connection.pid).name()}"
    except psutil.Error:
        pass
    return ""
