"""The servers as clusters, for trials: nothing a shop would run on one machine."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from runtime.child import signal_group
from runtime.console import Reporter, Silent
from runtime.servers import brokers, jars, ports, programs, replicas, shards
from runtime.servers.certificates import Authority, make_authority
from runtime.settings import RuntimeSettings, load_environment
from runtime.supervisor import ProcessEvent, ProcessSpec, ProcessStatus, Supervisor

PARTS = ("kafka", "mongodb", "redis", "sentinel")
_BUS = 10_000
"""A cluster's Redis talk to each other this far above their own port, which must be free too."""


class Clusters:
    """Any of: three Kafka brokers (TLS, with SASL or certificates), a replica set of three (TLS),
    six Redis as a cluster, a Redis behind three Sentinels:

        with Clusters(folder, parts=("kafka", "mongodb", "redis")) as clusters:
            clusters.environment()

    They keep their data in `home` for one run only. `redis_tls`: Redis with TLS too, which asks for
    certificates of its clients; only where redis-server was built with it (`shards.speaks_tls`).
    """

    def __init__(
        self,
        home: Path,
        *,
        parts: Iterable[str] = PARTS[:3],
        redis_tls: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        self._home = home
        self._parts = frozenset(parts)
        self._redis_tls = redis_tls
        self._settings = RuntimeSettings.load(load_environment())
        self._reporter: Reporter = reporter or Silent()
        self._password = secrets.token_urlsafe(18).replace("-", "x")
        self._environment: dict[str, str] = {}
        self._certified: dict[str, str] = {}
        self._taken: set[int] = set()
        self.ports: dict[str, int] = {}
        self._supervisor: Supervisor | None = None
        self.authority: Authority = make_authority(home / "tls")

    def __enter__(self) -> Clusters:
        self._supervisor = Supervisor(
            self._specs(), home=self._home, name="clusters", listener=self._report
        )
        self._supervisor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()

    def environment(self) -> dict[str, str]:
        """What the product's settings must say."""
        return dict(self._environment)

    def certified(self) -> dict[str, str]:
        """The same, where Kafka knows us by our certificate."""
        return self._environment | {"KAFKA_USERNAME": "", "KAFKA_PASSWORD": ""} | self._certified

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """Each server."""
        return self._supervisor.statuses() if self._supervisor else ()

    def kill(self, name: str) -> None:
        """SIGKILL one server; it comes back by itself."""
        if self._supervisor is not None:
            self._supervisor.replace(name, "asked to")

    def hold(self, name: str) -> None:
        """SIGSTOP one server: it is gone for the others and does not come back."""
        for status in self.statuses():
            if status.name == name and status.pid is not None:
                signal_group(status.pid, signal.SIGSTOP)

    def _specs(self) -> list[ProcessSpec]:
        cache, say = self._settings.cache, self._reporter
        tls = self.authority.issue("servers")
        found: list[ProcessSpec] = []
        if "kafka" in self._parts:
            at = self._ports(brokers.names())
            java, kafka = (
                programs.java(cache, say),
                jars.fetch(cache, self._settings.maven_url, say),
            )
            found += brokers.specs(self._home, at, java, kafka, tls=tls, password=self._password)
            self._environment |= brokers.environment(at, tls, self._password)
            self._certified = brokers.environment_certified(at, self.authority.issue("us"))
        if "mongodb" in self._parts:
            at = self._ports(replicas.names())
            found += replicas.specs(self._home, at, programs.mongod(cache, say), tls=tls)
            self._environment["DATABASE_URL"] = replicas.url(at, tls)
        redis, pair = programs.redis_server(cache, say), tls if self._redis_tls else None
        home, password = self._home, self._password
        if "redis" in self._parts:
            at = self._ports(shards.cluster_names(), with_bus=True)
            found += shards.cluster_specs(home, at, redis, password=password, tls=pair)
            self._environment["REDIS_URL"] = shards.cluster_url(at, password, pair)
        if "sentinel" in self._parts:
            at = self._ports(shards.sentinel_names())
            found += shards.sentinel_specs(home, at, redis, password=password, tls=pair)
            self._environment["REDIS_URL"] = shards.sentinel_url(at, password, pair)
        return found

    def _ports(self, names: tuple[str, ...], *, with_bus: bool = False) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in names:
            port = ports.free_port(self._taken)
            while with_bus and not ports.is_free(port + _BUS):
                self._taken.add(port)
                port = ports.free_port(self._taken)
            self._taken |= {port, port + _BUS}
            found[name] = port
        self.ports |= found
        return found

    def _report(self, event: ProcessEvent) -> None:
        if event.what == "ready":
            self._reporter.done(event.name, event.detail, event.seconds or 0.0)
        else:
            self._reporter.warn(f"{event.name} {event.what}: {event.detail}")
