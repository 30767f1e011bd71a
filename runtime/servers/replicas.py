"""Three mongod as one replica set, with TLS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.servers import mongodb
from runtime.servers.certificates import Issued
from runtime.supervisor import ProcessSpec

if TYPE_CHECKING:
    from pymongo import MongoClient

COUNT = 3


def names() -> tuple[str, ...]:
    """Of the ports that `specs` wants."""
    return tuple(f"mongod-{number}" for number in range(1, COUNT + 1))


def specs(home: Path, ports: dict[str, int], mongod: str, *, tls: Issued) -> list[ProcessSpec]:
    """How to run them; each is ready when it is primary or follows one."""
    members = [ports[name] for name in names()]
    extra = (
        *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(tls.both)),
        *("--tlsCAFile", str(tls.authority), "--tlsAllowConnectionsWithoutCertificates"),
    )
    return [
        ProcessSpec(
            name,
            mongodb.command(home / name, ports[name], mongod, *extra),
            mongodb.ENV,
            ready=lambda port=ports[name]: _ready(port, members, tls),  # type: ignore[misc]
            stop_timeout_s=15,
        )
        for name in names()
    ]


def url(ports: dict[str, int], tls: Issued) -> str:
    """All members, so that any of them may be away."""
    places = ",".join(f"127.0.0.1:{ports[name]}" for name in names())
    return (
        f"mongodb://{places}/{mongodb.DATABASE}?replicaSet=rs0&w=majority"
        f"&tls=true&tlsCAFile={tls.authority}"
    )


def _ready(port: int, members: list[int], tls: Issued) -> str | None:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", port, directConnection=True, tls=True, tlsCAFile=str(tls.authority),
        serverSelectionTimeoutMS=500, connectTimeoutMS=500, socketTimeoutMS=2000,
    )  # fmt: skip
    try:
        told = client.admin.command("hello")
        if told.get("isWritablePrimary"):
            return "rs0 primary"
        if told.get("secondary") and told.get("primary"):
            return "rs0 secondary"
        if port == members[0] and "setName" not in told:
            _initiate(client, members)
    except PyMongoError:  # the others do not answer yet, too
        return None
    finally:
        client.close()
    return None


def _initiate(client: MongoClient[dict[str, Any]], members: list[int]) -> None:
    """Waits for the others to answer. A short election: trials do not wait ten seconds."""
    rows = [{"_id": place, "host": f"127.0.0.1:{port}"} for place, port in enumerate(members)]
    settings = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": rows, "settings": settings})
