"""The three local servers as one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from runtime.console import Reporter, Silent
from runtime.lock import HomeLock
from runtime.servers import jars, kafka, mongodb, ports, programs, redis
from runtime.settings import RuntimeSettings, load_environment
from runtime.supervisor import ProcessEvent, ProcessSpec, ProcessStatus, Supervisor

_NAMES = {"KAFKA_URL": "kafka", "DATABASE_URL": "mongod", "REDIS_URL": "redis"}


class LocalServers:
    """Kafka, MongoDB and Redis as child processes, data kept in `home`:

        with LocalServers(home) as servers:
            servers.environment()["KAFKA_URL"]

    Endpoints configured in `environment` (by default the process's and .env) are used instead of
    a local server. A second one in the same home is refused with AlreadyRunning.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        reporter: Reporter | None = None,
        listener: Callable[[ProcessEvent], None] | None = None,
    ) -> None:
        self._settings = RuntimeSettings.load(
            load_environment() if environment is None else environment
        )
        self._home = home.resolve() if home else self._settings.home
        self._reporter: Reporter = reporter or Silent()
        self._listener = listener or self._report
        self._lock = HomeLock(self._home)
        self._endpoints = self._settings.configured_endpoints()
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> LocalServers:
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
        """The folder with data, logs and run files."""
        return self._home

    def start(self) -> None:
        """Fetch what is missing, start all at once, return when all are ready."""
        self._lock.acquire()
        try:
            specs = self._specs()
            self._supervisor = Supervisor(
                specs, home=self._home, name="servers", listener=self._listener
            )
            self._supervisor.start()
        except BaseException:
            self._lock.release()
            raise

    def stop(self) -> None:
        """End them all; data stays. Safe to call twice."""
        if self._supervisor is not None:
            self._supervisor.stop()
        self._lock.release()

    def environment(self) -> dict[str, str]:
        """KAFKA_URL, DATABASE_URL and REDIS_URL, configured or local."""
        return dict(self._endpoints)

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """The local ones; configured endpoints are not ours to watch."""
        return self._supervisor.statuses() if self._supervisor else ()

    def is_running(self) -> bool:
        """False once stopped or given up."""
        return self._supervisor is not None and self._supervisor.is_running()

    def kill(self, name: str) -> None:
        """SIGKILL "kafka", "mongod" or "redis", for tests: it comes back by itself."""
        if self._supervisor is not None:
            self._supervisor.replace(name, "asked to")

    def _specs(self) -> list[ProcessSpec]:
        wanted = [name for variable, name in _NAMES.items() if variable not in self._endpoints]
        if not wanted:
            return []
        cache, say = self._settings.cache, self._reporter
        pool = ThreadPoolExecutor(4)  # the network is the slow part: all at once
        try:
            java = pool.submit(programs.java, cache, say) if "kafka" in wanted else None
            mongod = pool.submit(programs.mongod, cache, say) if "mongod" in wanted else None
            server = pool.submit(programs.redis_server, cache, say) if "redis" in wanted else None
            maven_url = self._settings.maven_url
            found = pool.submit(jars.fetch, cache, maven_url, say) if "kafka" in wanted else None
            for future in (java, mongod, server, found):
                if future:
                    future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for a download
        names = (*wanted, "kafka-controller") if "kafka" in wanted else tuple(wanted)
        chosen = ports.remembered(self._home / "ports.json", names)
        specs: list[ProcessSpec] = []
        if mongod:
            specs.append(mongodb.spec(self._home, chosen["mongod"], mongod.result()))
            self._endpoints["DATABASE_URL"] = mongodb.url(chosen["mongod"])
        if java and found:
            specs.append(kafka.spec(self._home, chosen, java.result(), found.result()))
            self._endpoints["KAFKA_URL"] = kafka.url(chosen["kafka"])
        if server:
            specs.append(redis.spec(self._home, chosen["redis"], server.result()))
            self._endpoints["REDIS_URL"] = redis.url(chosen["redis"])
        return specs

    def _report(self, event: ProcessEvent) -> None:
        if event.what == "ready":
            self._reporter.done(event.name, event.detail, event.seconds or 0.0)
        else:
            self._reporter.warn(f"{event.name} {event.what}: {event.detail}")
