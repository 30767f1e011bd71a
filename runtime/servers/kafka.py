"""One Kafka broker that is its own controller (KRaft), tuned to start fast and stay small. Three of
them: `runtime/servers/brokers.py`."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.servers.ports import answers
from runtime.supervisor import ProcessSpec

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_JVM = (
    "-XX:TieredStopAtLevel=1",  # ready in 3.9 s instead of 6.6 s on two cores
    "-XX:+UseSerialGC",
    "-Xms64m",
    "-Xmx256m",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",  # the supervisor restarts it; a half-dead broker helps nobody
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.BrokerServer=info",
)


def spec(home: Path, ports: dict[str, int], java: str, jars: Sequence[Path]) -> ProcessSpec:
    """Writes the configuration and says how to run the broker."""
    folder = home / "kafka"
    data = folder / "data"
    format_data(data, new_id())
    properties = write_properties(
        folder, _settings(data, ports["kafka"], ports["kafka-controller"])
    )
    return ProcessSpec(
        name="kafka",
        argv=command(java, jars, "kafka.Kafka", str(properties)),
        env=ENV,
        ready=lambda: ready(ports["kafka"]),
        stop_timeout_s=15,
    )


def command(java: str, jars: Sequence[Path], *arguments: str) -> tuple[str, ...]:
    """How to run one of Kafka's classes."""
    return (java, *_JVM, "-cp", ":".join(str(jar) for jar in jars), *arguments)


def url(port: int) -> str:
    """In the form Faust takes."""
    return f"kafka://127.0.0.1:{port}"


def format_data(data: Path, cluster: str, node: int = 1) -> None:
    """What `kafka-storage format` writes, once: by hand it costs no second JVM (2.4 s)."""
    data.mkdir(parents=True, exist_ok=True)
    meta = data / "meta.properties"
    if not meta.exists():
        lines = ("version=1", f"cluster.id={cluster}", f"node.id={node}")
        meta.write_text("\n".join((*lines, f"directory.id={new_id()}", "")))


def new_id() -> str:
    """Kafka's ids are base64 without padding; one that begins with - reads as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith(
        "-"
    ):
        pass
    return text


def write_properties(folder: Path, settings: Mapping[str, str]) -> Path:
    """The broker's configuration file."""
    path = folder / "server.properties"
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    path.chmod(0o600)
    return path


def _settings(data: Path, port: int, controller_port: int) -> dict[str, str]:
    return {
        **common_settings(data, copies=1),
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
    }


def common_settings(data: Path, *, copies: int) -> dict[str, str]:
    """What does not depend on addresses; `copies` of Kafka's own topics."""
    enough = str(max(1, copies - 1))
    return {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(data),
        # Topics are created with explicit partitions; a mistyped name must not become one.
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": str(copies),
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": enough,
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": enough,
        "share.coordinator.state.topic.num.partitions": "2",
        # One member at a time joins here: waiting for more only delays the start.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # 128 MB by default, half of the heap.
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        "log.index.size.max.bytes": str(2 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "4",
        # A broker that was killed is let in again only when its old session ended: 9 s by default.
        "broker.session.timeout.ms": "2500",
        "broker.heartbeat.interval.ms": "500",
    }


def ready(port: int, brokers: int = 1) -> str | None:
    """Words once so many brokers know each other there, asked without TLS; it may block 2 s."""
    if not answers(port):
        return None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    found = asyncio.run(_describe(port))
    return f"KRaft {found} broker{'s' if found > 1 else ''}" if found >= brokers else None


async def _describe(port: int) -> int:
    # Late, as in the other servers: loaded while the server starts, not before.
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=1000)
    try:
        async with asyncio.timeout(2):
            await admin.start()
            return len((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return 0
    finally:
        await admin.close()
