"""Servers and processes as one thing; the endpoints are configured, so nothing big starts."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import state
from runtime.console import Silent
from runtime.processes import PROCESSES, ProcessEntry, processes
from runtime.stack import Stack

SERVE = """
import http.server, os
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler
).serve_forever()
"""
SAY = "import time; time.sleep(0.3); print('now it runs'); time.sleep(600)"
ENTRIES = (
    ProcessEntry("web", ("-S", "-c", SERVE), listens=("PORT",)),
    ProcessEntry("worker", ("-S", "-c", SAY), says="now it runs"),
)


class Heard(Silent):
    """Remembers the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def environment(busy_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "KAFKA_URL": "127.0.0.1:1",
        "DATABASE_URL": "mongodb://u:secret@127.0.0.1:1/shop",
        "REDIS_URL": "redis://127.0.0.1:1",
        "PORT": str(busy_port),
    }


def test_a_busy_port_is_replaced_and_all_of_it_is_told(
    tmp_path: Path, environment: dict[str, str], busy_port: int
) -> None:
    heard = Heard()
    given = {**environment, "KAFKA_TOPIC_PREFIX": "ours."}
    stack = Stack(home=tmp_path, entries=ENTRIES, environment=given, reporter=heard)
    with stack:
        chosen = int(stack.environment()["PORT"])
        assert chosen != busy_port
        assert f"HTTP port {busy_port} is busy: using {chosen}" in heard.warnings
        running = state.read(tmp_path)
        assert running is not None
        assert (running.pid, running.url) == (os.getpid(), stack.url)
        assert running.environment["DATABASE_URL"] == environment["DATABASE_URL"]
        assert running.environment["KAFKA_TOPIC_PREFIX"] == "ours."
        assert [(p.name, p.state) for p in running.processes] == [
            ("web", "ready"),
            ("worker", "ready"),
        ]
        assert (tmp_path / "run" / "state.json").stat().st_mode & 0o077 == 0
    assert state.read(tmp_path) is None


def test_a_replaced_process_shows_in_the_state(tmp_path: Path, environment: dict[str, str]) -> None:
    with Stack(home=tmp_path, entries=ENTRIES, environment=environment) as stack:
        stack.replace("worker")
        until_s = time.monotonic() + 10
        while True:
            running = state.read(tmp_path)
            assert running is not None
            worker = running.processes[1]
            if worker.restarts == 1 and worker.state == "ready":
                break
            assert time.monotonic() < until_s
            time.sleep(0.05)


def test_the_table_names_each_process_once() -> None:
    names = [entry.name for entry in PROCESSES]
    assert len(names) == len(set(names))
    groups = [group for entry in PROCESSES for group in entry.groups]
    assert len(groups) == len(set(groups)), "a stalled group points at one process"


def test_workers_that_share_are_started_as_often_as_asked() -> None:
    found = {entry.name: entry.env.get("SMARTSTORE_INSTANCE", "0") for entry in processes(3)}
    assert {name: found[name] for name in ("sinks", "sinks-2", "sinks-3")} == {
        "sinks": "0",
        "sinks-2": "1",
        "sinks-3": "2",
    }
    assert len(found) == len(PROCESSES) + 2 * 3, "cdc, upkeep, archive and the api stay single"
    assert processes() == PROCESSES
