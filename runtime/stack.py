"""Servers, our processes and the watchdog as one thing: what `up` and `demo` run."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from runtime import state
from runtime.console import Reporter, Silent
from runtime.processes import PROCESSES, ProcessEntry
from runtime.servers import LocalServers
from runtime.servers.ports import answers, preferred
from runtime.settings import ROOT, RuntimeSettings, load_environment
from runtime.supervisor import ProcessEvent, ProcessSpec, ProcessStatus, Supervisor

if TYPE_CHECKING:
    from runtime.guard import Guard

_STAYS_UP_S = 1.5


TOPICS = ("KAFKA_TOPIC_PREFIX", "KAFKA_PARTITIONS")
"""What besides an address says where our topics are: commands read it in the state."""


class Stack:
    """Use as a context manager, or `start` and `stop`:

    with Stack(home=folder) as stack:
        stack.url, stack.environment(), stack.replace("reconcile")
    """

    def __init__(
        self,
        *,
        home: Path | None = None,
        entries: Iterable[ProcessEntry] = PROCESSES,
        environment: Mapping[str, str] | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        base = load_environment() if environment is None else dict(environment)
        self._settings = RuntimeSettings.load(base)
        self._base = base
        self._entries = tuple(entries)
        self._reporter: Reporter = reporter or Silent()
        self._servers = LocalServers(
            home or self._settings.home,
            environment=base,
            reporter=self._reporter,
            listener=self._listen,
        )
        self._supervisor: Supervisor | None = None
        self._guard: Guard | None = None
        self._environment: dict[str, str] = {}
        self._ready = False

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def home(self) -> Path:
        """The data folder."""
        return self._servers.home

    @property
    def url(self) -> str:
        """Where the pages and the API are."""
        return f"http://{self._shown_host()}:{self._environment['PORT']}"

    @property
    def websocket_url(self) -> str:
        """Where live events are."""
        return f"ws://{self._shown_host()}:{self._environment['WEBSOCKET_PORT']}"

    def environment(self) -> dict[str, str]:
        """Endpoints and ports as the processes have them."""
        return dict(self._environment)

    def start(self) -> None:
        """All of it; returns when everything is ready. On any failure nothing is left running."""
        began_s = time.monotonic()
        self._servers.start()
        try:
            self._choose_ports()
            self._start_processes()
        except BaseException:
            self.stop()
            raise
        self._ready = True
        self._write_state()
        self._reporter.done("all", f"{len(self.statuses())} processes", time.monotonic() - began_s)

    def stop(self) -> None:
        """Our processes first, so that they can still commit; then the servers."""
        self._ready = False
        if self._guard is not None:
            self._guard.stop()
        if self._supervisor is not None:
            self._supervisor.stop()
        state.clear(self.home)
        self._servers.stop()

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """Servers, then processes."""
        own = self._supervisor.statuses() if self._supervisor else ()
        return (*self._servers.statuses(), *own)

    def is_running(self) -> bool:
        """False once stopped, or when a supervisor gave up."""
        own = self._supervisor is not None and self._supervisor.is_running()
        return own and self._servers.is_running()

    def replace(self, name: str, reason: str = "asked to") -> None:
        """SIGKILL one server or process; it comes back by itself."""
        if self._supervisor and name in {status.name for status in self._supervisor.statuses()}:
            self._supervisor.replace(name, reason)
        else:
            self._servers.kill(name)

    def _choose_ports(self) -> None:
        host, wanted = self._settings.host, self._settings.port
        port = preferred(wanted, host)
        live_wanted = self._settings.websocket_port
        live = preferred(live_wanted, host, frozenset({port}))
        for name, asked, got in (("HTTP", wanted, port), ("WebSocket", live_wanted, live)):
            if asked != got:
                self._reporter.warn(f"{name} port {asked} is busy: using {got}")
        self._environment = {
            **self._servers.environment(),
            **{name: self._base[name] for name in TOPICS if self._base.get(name)},
            "HOST": host,
            "PORT": str(port),
            "WEBSOCKET_PORT": str(live),
            "SMARTSTORE_HOME": str(self.home),
        }

    def _start_processes(self) -> None:
        self._supervisor = Supervisor(
            [self._spec(entry) for entry in self._entries],
            home=self.home,
            name="processes",
            listener=self._listen,
        )
        self._supervisor.start()
        from runtime.guard import Guard  # late: they load while the processes start
        from schemas.settings import Endpoints

        endpoints = Endpoints.of({**self._base, **self._environment})
        self._guard = Guard(self._supervisor, endpoints)
        self._guard.start()

    def _spec(self, entry: ProcessEntry) -> ProcessSpec:
        environment = {
            **self._base,
            **self._environment,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **entry.env,
        }
        prefix = self._base.get("KAFKA_TOPIC_PREFIX") or self._base.get("TOPIC_PREFIX", "")
        return ProcessSpec(
            name=entry.name,
            argv=(sys.executable, "-P", *entry.argv),
            env=environment,
            ready=self._readiness(entry),
            stop_timeout_s=15,  # a worker gives itself ten
            groups={
                f"{prefix}{group}": tuple(f"{prefix}{topic}" for topic in topics)
                for group, topics in entry.groups.items()
            },
        )

    def _readiness(self, entry: ProcessEntry) -> Callable[[], str | None]:
        def listening() -> str | None:
            known = {**self._base, **self._environment, **entry.env}
            numbers = [int(known[name]) for name in entry.listens]
            shown = ", ".join(f":{number}" for number in numbers)
            return shown if all(answers(n, self._shown_host()) for n in numbers) else None

        def said() -> str | None:
            output = self._supervisor.output(entry.name) if self._supervisor else ""
            return "ready" if entry.says in output else None

        def staying_up() -> str | None:
            age_s = self._supervisor.age_s(entry.name) if self._supervisor else 0.0
            return "running" if age_s >= _STAYS_UP_S else None

        if entry.listens:
            return listening
        return said if entry.says else staying_up

    def _shown_host(self) -> str:
        host = self._settings.host
        return "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104

    def _listen(self, event: ProcessEvent) -> None:
        with contextlib.suppress(OSError):  # a full disk ends nobody; the next event tells it all
            if event.what == "ready":
                self._reporter.done(event.name, event.detail, event.seconds or 0.0)
            else:
                self._reporter.warn(f"{event.name} {event.what}: {event.detail}")
            if self._ready:
                self._write_state()

    def _write_state(self) -> None:
        state.RunState(
            pid=os.getpid(),
            ready=self._ready,
            url=self.url,
            websocket_url=self.websocket_url,
            environment=self._environment,
            processes=[state.ProcessState.of(status) for status in self.statuses()],
        ).write(self.home)
