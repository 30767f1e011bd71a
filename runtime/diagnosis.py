"""The checks of `doctor`, each a function from settings to findings."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from runtime import state
from runtime.bootstrap import VENV, is_installed
from runtime.child import tail
from runtime.lock import HomeLock
from runtime.servers import jars, wheels
from runtime.servers.ports import answers, is_free
from runtime.settings import RuntimeSettings
from schemas.settings import Endpoints

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
    for name, url in settings.configured_endpoints().items():
        for host, port in _addresses(name, url):
            if answers(port, host):
                yield Finding(name, "ok", f"{host}:{port} answers")
            else:
                evidence = state.redacted(url)
                fix = f"start it, or unset {name} to use a local one"
                yield Finding(name, "problem", f"nothing answers at {host}:{port}", evidence, fix)


def _addresses(name: str, url: str) -> list[tuple[str, int]]:
    if name == "KAFKA_URL":
        places, default = Endpoints(kafka_url=url).bootstrap, 9092
    else:
        places, default = urlsplit(url).netloc.rpartition("@")[2].split(","), 27017
        default = 6379 if name == "REDIS_URL" else default
    split = (place.rpartition(":") if ":" in place else (place, "", "") for place in places)
    return [(host, int(port) if port else default) for host, _, port in split]


def _listener_on(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            at_port = connection.laddr and connection.laddr.port == port
            if at_port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"pid {connection.pid}, {psutil.Process(connection.pid).name()}"
    except psutil.Error:
        pass
    return ""
