"""One Kafka broker that is its own controller (KRaft), tuned to start fast and stay small."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Sequence
from pathlib import Path

from runtime.servers.ports import answers
from runtime.supervisor import ProcessSpec

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
    data.mkdir(parents=True, exist_ok=True)
    _format(data)
    properties = folder / "server.properties"
    properties.write_text(_properties(data, ports["kafka"], ports["kafka-controller"]))
    classpath = ":".join(str(jar) for jar in jars)
    return ProcessSpec(
        name="kafka",
        argv=(java, *_JVM, "-cp", classpath, "kafka.Kafka", str(properties)),
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        ready=lambda: _ready(ports["kafka"]),
        stop_timeout_s=15,
    )


def url(port: int) -> str:
    """In the form Faust takes."""
    return f"kafka://127.0.0.1:{port}"


def _format(data: Path) -> None:
    """What `kafka-storage format` writes: by hand it costs no second JVM (2.4 s)."""
    meta = data / "meta.properties"
    if not meta.exists():
        lines = ("version=1", f"cluster.id={_kafka_uuid()}", "node.id=1")
        meta.write_text("\n".join((*lines, f"directory.id={_kafka_uuid()}", "")))


def _kafka_uuid() -> str:
    """Kafka's ids are base64 without padding; one that begins with - reads as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith(
        "-"
    ):
        pass
    return text


def _properties(data: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": str(data),
        # Topics are created with explicit partitions; a mistyped name must not become one.
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
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
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _ready(port: int) -> str | None:
    if not answers(port):
        return None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(_describe(port))


async def _describe(port: int) -> str | None:
    # Late, as in the other servers: loaded while the server starts, not before.
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=1000)
    try:
        async with asyncio.timeout(2):
            await admin.start()
            brokers = (await admin.describe_cluster())["brokers"]
    except (KafkaError, OSError, TimeoutError):
        return None
    finally:
        await admin.close()
    return "KRaft 1 broker" if brokers else None
