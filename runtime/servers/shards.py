"""Several Redis: six as a cluster of three primaries with a copy each, or a primary and its copy
watched by three Sentinels. All ask for a password, and where `tls` is given for a certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.servers import redis
from runtime.servers.certificates import Issued
from runtime.supervisor import ProcessSpec

PRIMARIES = 3
SERVICE = "shop"
_SLOTS = 16_384
_NODE_TIMEOUT_MS = 2_000


def speaks_tls(server: str) -> bool:
    """Whether this redis-server was built with TLS; it ends at once, at the first wrong word."""
    done = subprocess.run(  # noqa: S603
        (server, "--tls-port", "0", "--port", "none"),
        env=redis.ENV, capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    return "tls-port" not in f"{done.stdout}{done.stderr}"


def cluster_names() -> tuple[str, ...]:
    """Of the ports that `cluster_specs` wants: the first three are primaries."""
    return tuple(f"redis-{number}" for number in range(1, 2 * PRIMARIES + 1))


def cluster_specs(
    home: Path, ports: dict[str, int], server: str, *, password: str, tls: Issued | None = None
) -> list[ProcessSpec]:
    """How to run them; each is ready when the cluster serves all slots."""
    all_ports = [ports[name] for name in cluster_names()]
    extra = (
        *(_tls_options(tls, "--tls-cluster", "yes") if tls else ()),
        *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
        *("--cluster-node-timeout", str(_NODE_TIMEOUT_MS)),
        *("--requirepass", password, "--masterauth", password),
    )

    def ready(port: int) -> Callable[[], str | None]:
        return lambda: _asked(port, password, lambda client: _cluster_ready(client, all_ports), tls)

    return [
        ProcessSpec(
            name,
            _command(home / name, ports[name], server, tls, *extra),
            redis.ENV,
            ready(ports[name]),
        )
        for name in cluster_names()
    ]


def cluster_url(ports: dict[str, int], password: str, tls: Issued | None = None) -> str:
    """Two of the nodes: a client learns of the others from them."""
    places = ",".join(f"127.0.0.1:{ports[name]}" for name in cluster_names()[:2])
    if tls is None:
        return f"redis+cluster://:{password}@{places}"
    return f"rediss+cluster://:{password}@{places}?{_url_options(tls)}"


def sentinel_names() -> tuple[str, ...]:
    """Of the ports that `sentinel_specs` wants."""
    return ("primary", "copy", "sentinel-1", "sentinel-2", "sentinel-3")


def sentinel_specs(
    home: Path, ports: dict[str, int], server: str, *, password: str, tls: Issued | None = None
) -> list[ProcessSpec]:
    """How to run the pair and those who watch it."""
    auth = (
        *(_tls_options(tls) if tls else ()),
        *("--requirepass", password, "--masterauth", password),
    )
    follows = ("--replicaof", "127.0.0.1", str(ports["primary"]))
    found = [
        ProcessSpec(
            name,
            _command(home / name, ports[name], server, tls, *auth, *extra),
            redis.ENV,
            lambda port=ports[name]: _asked(port, password, _pings, tls),  # type: ignore[misc]
        )
        for name, extra in (("primary", ()), ("copy", follows))
    ]
    for name in sentinel_names()[2:]:
        folder = home / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "sentinel.conf"  # Sentinels write what they learn into their own file
        path.write_text(
            f"{_listening(ports[name], tls)}bind 127.0.0.1\ndir {folder}\nrequirepass {password}\n"
            f"sentinel sentinel-pass {password}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {ports['primary']} 2\n"
            f"sentinel auth-pass {SERVICE} {password}\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        path.chmod(0o600)
        found.append(
            ProcessSpec(
                name,
                (server, str(path), "--sentinel"),
                redis.ENV,
                lambda port=ports[name]: _asked(  # type: ignore[misc]
                    port, password, _watching, tls
                ),
            )
        )
    return found


def sentinel_url(ports: dict[str, int], password: str, tls: Issued | None = None) -> str:
    """The Sentinels, never the primary itself."""
    places = ",".join(f"127.0.0.1:{ports[name]}" for name in sentinel_names()[2:])
    rest = f":{password}@{places}/{SERVICE}/0?sentinel_password={password}"
    if tls is None:
        return f"redis+sentinel://{rest}"
    return f"rediss+sentinel://{rest}&{_url_options(tls)}"


def _tls_options(tls: Issued, *more: str) -> tuple[str, ...]:
    """Encrypted for clients, copies and each other, and everybody shows a certificate."""
    return (
        *("--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key)),
        *("--tls-ca-cert-file", str(tls.authority), "--tls-auth-clients", "yes"),
        *("--tls-replication", "yes", *more),
    )


def _url_options(tls: Issued) -> str:
    """As `streams/cache.py` reads them."""
    return f"ssl_ca_certs={tls.authority}&ssl_certfile={tls.certificate}&ssl_keyfile={tls.key}"


def _command(
    data: Path, port: int, server: str, tls: Issued | None, *extra: str
) -> tuple[str, ...]:
    if tls is None:
        return redis.command(data, port, server, *extra)
    return redis.command(data, 0, server, "--tls-port", str(port), *extra)


def _listening(port: int, tls: Issued | None) -> str:
    """The same in a Sentinel's file."""
    if tls is None:
        return f"port {port}\n"
    words = ("--port", "0", "--tls-port", str(port), *_tls_options(tls))
    pairs = zip(words[::2], words[1::2], strict=True)
    return "".join(f"{name.removeprefix('--')} {value}\n" for name, value in pairs)


def _asked(
    port: int, password: str, ask: Callable[[Any], str | None], tls: Issued | None = None
) -> str | None:
    """`Any`: redis-py leaves `execute_command` without types."""
    import redis as client_library

    shown: dict[str, Any] = {} if tls is None else {
        "ssl": True, "ssl_ca_certs": str(tls.authority),
        "ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key),
    }  # fmt: skip
    client = client_library.Redis(
        host="127.0.0.1", port=port, password=password, decode_responses=True,
        socket_timeout=1, socket_connect_timeout=1, **shown,
    )  # fmt: skip
    try:
        return ask(client)
    except client_library.RedisError:
        return None
    finally:
        client.close()


def _pings(client: Any) -> str | None:
    return "ready" if client.ping() else None


def _watching(client: Any) -> str | None:
    """It knows the copy and the two other Sentinels, so it can have a primary replaced."""
    told = client.execute_command("SENTINEL", "MASTERS")
    (row,) = [dict(zip(row[::2], row[1::2], strict=True)) if isinstance(row, list) else row
              for row in (told.values() if isinstance(told, dict) else told)]  # fmt: skip
    known = {name.replace("_", "-"): value for name, value in row.items()}
    knows = int(known["num-slaves"]) >= 1 and int(known["num-other-sentinels"]) >= 2
    return "watching" if knows else None


def _cluster_ready(client: Any, ports: list[int]) -> str | None:
    """Each node takes its own part: it meets the first, takes its slots or follows its primary."""
    port = int(client.connection_pool.connection_kwargs["port"])
    place = ports.index(port)
    nodes = client.execute_command("CLUSTER NODES")
    known = {int(at.rpartition(":")[2].split("@")[0]): row for at, row in nodes.items()}
    own = next(row for row in nodes.values() if "myself" in row["flags"])
    if len(known) < len(ports):
        client.execute_command("CLUSTER MEET", "127.0.0.1", ports[0])
    if place < PRIMARIES:
        if not own["slots"] and "slave" not in own["flags"]:
            slots = range(_SLOTS * place // PRIMARIES, _SLOTS * (place + 1) // PRIMARIES)
            client.execute_command("CLUSTER ADDSLOTS", *slots)
    elif "slave" not in own["flags"] and not own["slots"]:
        primary = known.get(ports[place - PRIMARIES])
        if primary is not None:
            client.execute_command("CLUSTER REPLICATE", primary["node_id"])
        return None
    state = client.execute_command("CLUSTER INFO")
    whole = state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == len(ports)
    return f"cluster of {len(ports)}" if whole else None
