"""One mongod as a replica set of its own: change streams and majority writes need one. Three of
them: `runtime/servers/replicas.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.supervisor import ProcessSpec

if TYPE_CHECKING:
    from pymongo import MongoClient

_NOT_YET_INITIALIZED = 94
_INVALID_REPLICA_SET_CONFIG = 93
DATABASE = "smartstore"
ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def spec(home: Path, port: int, mongod: str) -> ProcessSpec:
    """How to run it; ready means primary."""
    argv = command(home / "mongodb", port, mongod)
    return ProcessSpec("mongod", argv, ENV, ready=lambda: _ready(port), stop_timeout_s=15)


def command(data: Path, port: int, mongod: str, *extra: str) -> tuple[str, ...]:
    """How to run one member of the set rs0."""
    data.mkdir(parents=True, exist_ok=True)
    return (
        *(mongod, "--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", str(port)),
        *("--dbpath", str(data), "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "512"),
        *("--nounixsocket", "--quiet"),
        # A file for each collection and index: those that rest are closed, dropped ones too.
        *("--wiredTigerEngineConfigString", "file_manager=(close_idle_time=60)"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *extra,
    )


def url(port: int) -> str:
    """Majority writes are asked for in so many words."""
    return f"mongodb://127.0.0.1:{port}/{DATABASE}?replicaSet=rs0&w=majority"


def _ready(port: int) -> str | None:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=500,
        connectTimeoutMS=500,
        socketTimeoutMS=2000,
    )
    try:
        if client.admin.command("hello").get("isWritablePrimary"):
            return "rs0 primary"
        _configure(client, f"127.0.0.1:{port}")
    except PyMongoError:
        return None
    finally:
        client.close()
    return None


def _configure(client: MongoClient[dict[str, Any]], host: str) -> None:
    """Initiate once; when its port had to change, tell it its new name."""
    from pymongo.errors import OperationFailure

    member = {"_id": 0, "host": host}
    try:
        status = client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            return
        if error.code != _INVALID_REPLICA_SET_CONFIG:
            raise
        status = {"myState": 10}
    if status.get("myState") == 10:  # REMOVED: it does not find itself in its own set
        config = client.local["system.replset"].find_one() or {}
        config["members"] = [{**config["members"][0], "host": host}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
