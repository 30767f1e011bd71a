"""Servers, the sandbox and all our processes in one folder: what the demo, the integration tests
and the benchmarks stand on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from runtime.console import Reporter, Silent
from runtime.convergence import Places
from runtime.processes import PROCESSES, ProcessEntry
from runtime.servers import LocalServers
from runtime.servers.ports import preferred
from runtime.settings import load_environment
from runtime.stack import Stack
from runtime.supervisor import ProcessStatus
from schemas.settings import Endpoints

SANDBOX_PORT = 3900
_REAL_PLATFORMS = ("WOOCOMMERCE_", "WHATSAPP_", "ARAMEX_", "DHL_", "FEDEX_", "UPS_")


class System:
    """Use as a context manager, or `start` and `stop`.

    Our processes never see the environment's real platforms, and with configured servers they use
    topics and a database of their own (`prefix`, `database`).
    """

    def __init__(
        self,
        home: Path,
        *,
        prefix: str = "",
        database: str = "smartstore",
        reporter: Reporter | None = None,
        entries: Iterable[ProcessEntry] = PROCESSES,
        base: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.prefix = prefix
        self._database = database
        self._reporter: Reporter = reporter or Silent()
        self.entries = tuple(entries)
        self._base = load_environment() if base is None else dict(base)
        self._servers = LocalServers(
            home / "servers", environment=self._base, reporter=self._reporter
        )
        self._stack: Stack | None = None
        self._sandbox_port = 0

    def __enter__(self) -> System:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, meanwhile: Callable[[System], None] = lambda system: None) -> None:
        """Servers first; then our processes, with `meanwhile` in a thread beside their start (it
        has the servers). Returns when all are ready; on any failure nothing is left running."""
        self._servers.start()
        try:
            with ThreadPoolExecutor(1) as pool:
                self._stack = self._new_stack()
                beside = pool.submit(meanwhile, self)
                self._stack.start()
                beside.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything; data stays. Safe to call twice."""
        if self._stack is not None:
            self._stack.stop()
        self._servers.stop()

    def _new_stack(self) -> Stack:
        self._sandbox_port = preferred(int(self._base.get("SANDBOX_PORT") or SANDBOX_PORT))
        sandbox = ProcessEntry(
            "sandbox",
            ("-m", "sandbox", "--port", str(self._sandbox_port)),
            listens=("SANDBOX_PORT",),
            env={"SANDBOX_PORT": str(self._sandbox_port)},
        )
        kept = {
            name: value
            for name, value in self._base.items()
            if not name.startswith(_REAL_PLATFORMS)
        }
        return Stack(
            home=self.home,
            entries=(sandbox, *self.entries),
            environment={**kept, **self.servers()},
            reporter=self._reporter,
        )

    def servers(self) -> dict[str, str]:
        """Addresses of Kafka, MongoDB (with our database) and Redis, and the topics' prefix."""
        found = self._servers.environment()
        found["DATABASE_URL"] = _with_database(found["DATABASE_URL"], self._database)
        return {**found, "KAFKA_TOPIC_PREFIX": self.prefix} if self.prefix else found

    def endpoints(self) -> Endpoints:
        """The same for our own code."""
        return Endpoints.of({**self._base, **self.servers()})

    def kafka(self) -> dict[str, str]:
        """The KAFKA_… variables, for the judge."""
        return {n: v for n, v in self.environment().items() if n.startswith("KAFKA_") and v}

    def environment(self) -> dict[str, str]:
        """What a process of ours is given."""
        return {**self._base, **self.servers(), "SMARTSTORE_HOME": str(self.home)}

    @property
    def stack(self) -> Stack:
        """Our processes."""
        if self._stack is None:
            raise RuntimeError("not started")
        return self._stack

    @property
    def url(self) -> str:
        """The api's and the pages' address."""
        return self.stack.url

    @property
    def websocket_url(self) -> str:
        """Where live events are."""
        return self.stack.websocket_url

    @property
    def sandbox_url(self) -> str:
        """The stand-ins' address."""
        return f"http://127.0.0.1:{self._sandbox_port}"

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """Servers, then processes."""
        return (*self._servers.statuses(), *self.stack.statuses())

    def pid(self, name: str) -> int:
        """The process now called so. Raises LookupError where none runs."""
        for status in self.statuses():
            if status.name == name and status.pid is not None:
                return status.pid
        raise LookupError(f"no process {name} runs")

    def kill(self, name: str) -> None:
        """SIGKILL one server or process; it comes back by itself."""
        if name in {status.name for status in self.stack.statuses()}:
            self.stack.replace(name)
        else:
            self._servers.kill(name)

    def places(self, organization_id: str, shop: str, number: str = "") -> Places:
        """Where the judge looks."""
        return Places(
            kafka=self.kafka(),
            database_url=self.servers()["DATABASE_URL"],
            sandbox_url=self.sandbox_url,
            organization_id=organization_id,
            shop=shop,
            number=number,
        )


def _with_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def alive(pid: int) -> bool:
    """Whether the process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
