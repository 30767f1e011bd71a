"""Three Kafka brokers (KRaft), each topic in three copies. Over TLS they ask for a password, and at
a second address for a certificate."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import StartFailed
from runtime.servers import kafka
from runtime.servers.certificates import Issued
from runtime.supervisor import ProcessSpec

COUNT = 3
USER = "smartstore"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGINS = "org.apache.kafka.common.security"
_METADATA = "__cluster_metadata-0"
_FORMAT_S = 60


def names() -> tuple[str, ...]:
    """Of the ports that `specs` wants: each broker's for clients (by password, by certificate), for
    other brokers and for controllers."""
    return tuple(
        name for node in _nodes() for name in (f"kafka-{node}", certified(node), *_inner(node))
    )


def certified(node: int) -> str:
    """Of the port where a certificate is demanded."""
    return f"kafka-{node}-certified"


def environment(ports: dict[str, int], tls: Issued, password: str) -> dict[str, str]:
    """What clients by password are told."""
    places = ",".join(f"127.0.0.1:{ports[f'kafka-{node}']}" for node in _nodes())
    return {
        "KAFKA_URL": places,
        "KAFKA_REPLICATION": str(COUNT),
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_USERNAME": USER,
        "KAFKA_PASSWORD": password,
        "KAFKA_TLS_CA": str(tls.authority),
    }


def environment_certified(ports: dict[str, int], tls: Issued) -> dict[str, str]:
    """What clients by certificate are told; theirs is of the same authority."""
    return {
        "KAFKA_URL": ",".join(f"127.0.0.1:{ports[certified(node)]}" for node in _nodes()),
        "KAFKA_REPLICATION": str(COUNT),
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_TLS_CA": str(tls.authority),
        "KAFKA_TLS_CERTIFICATE": str(tls.certificate),
        "KAFKA_TLS_KEY": str(tls.key),
    }


def specs(
    home: Path,
    ports: dict[str, int],
    java: str,
    jars: Sequence[Path],
    *,
    tls: Issued,
    password: str,
) -> list[ProcessSpec]:
    """Writes the configurations and says how to run the brokers. Raises StartFailed."""
    cluster = kafka.new_id()
    found = []
    for node in _nodes():
        folder = home / f"kafka-{node}"
        folder.mkdir(parents=True, exist_ok=True)
        settings = _settings(folder / "data", node, ports, tls, password)
        properties = kafka.write_properties(folder, settings)
        if node == 1:
            _format(java, jars, cluster, properties, password)
        else:  # the same names and passwords for all, without two more JVMs
            kafka.format_data(folder / "data", cluster, node)
            shutil.copytree(home / "kafka-1" / "data" / _METADATA, folder / "data" / _METADATA)
        inner = ports[_inner(node)[0]]
        found.append(
            ProcessSpec(
                name=f"kafka-{node}",
                argv=kafka.command(java, jars, "kafka.Kafka", str(properties)),
                env=kafka.ENV,
                ready=lambda inner=inner: kafka.ready(inner, COUNT),  # type: ignore[misc]
                stop_timeout_s=1,  # ended together they wait for each other; nothing is kept
            )
        )
    return found


def _nodes() -> range:
    return range(1, COUNT + 1)


def _inner(node: int) -> tuple[str, str]:
    return f"kafka-{node}-inner", f"kafka-{node}-controller"


def _format(java: str, jars: Sequence[Path], cluster: str, properties: Path, password: str) -> None:
    """SCRAM passwords stand in the metadata log, whose beginning only Kafka's own tool writes."""
    users = (
        part
        for mechanism in MECHANISMS
        if mechanism != "PLAIN"
        for part in ("--add-scram", f"{mechanism}=[name={USER},password={password}]")
    )
    arguments = ("format", "-t", cluster, "-c", str(properties), *users)
    done = subprocess.run(  # noqa: S603
        kafka.command(java, jars, "kafka.tools.StorageTool", *arguments),
        env=kafka.ENV, capture_output=True, text=True, timeout=_FORMAT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StartFailed(f"Kafka's storage could not be made: {done.stdout[-500:]}{done.stderr}")


def _settings(
    data: Path, node: int, ports: dict[str, int], tls: Issued, password: str
) -> dict[str, str]:
    def at(name: str) -> str:
        return f"127.0.0.1:{ports[name]}"

    inner, controller = _inner(node)
    voters = ",".join(f"{one}@{at(_inner(one)[1])}" for one in _nodes())
    own = f"SASL_SSL://{at(f'kafka-{node}')},SSL://{at(certified(node))},INTERNAL://{at(inner)}"
    listener = "listener.name.sasl_ssl"
    scram = f"{_LOGINS}.scram.ScramLoginModule required;"
    return {
        **kafka.common_settings(data, copies=COUNT),
        "node.id": str(node),
        "listeners": f"{own},CONTROLLER://{at(controller)}",
        "advertised.listeners": own,
        "listener.security.protocol.map": (
            "SASL_SSL:SASL_SSL,SSL:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.voters": voters,
        "default.replication.factor": str(COUNT),
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{listener}.plain.sasl.jaas.config": (
            f'{_LOGINS}.plain.PlainLoginModule required user_{USER}="{password}";'
        ),
        f"{listener}.scram-sha-256.sasl.jaas.config": scram,
        f"{listener}.scram-sha-512.sasl.jaas.config": scram,
        **_tls_settings(listener, tls, "requested"),
        **_tls_settings("listener.name.ssl", tls, "required"),
    }


def _tls_settings(listener: str, tls: Issued, client_auth: str) -> dict[str, str]:
    return {
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.location": str(tls.both),
        f"{listener}.ssl.truststore.type": "PEM",
        f"{listener}.ssl.truststore.location": str(tls.authority),
        f"{listener}.ssl.client.auth": client_auth,
    }
