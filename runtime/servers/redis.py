"""One Redis: a cache with counters, never the only copy of anything."""

from __future__ import annotations

from pathlib import Path

from runtime.supervisor import ProcessSpec

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def spec(home: Path, port: int, redis_server: str) -> ProcessSpec:
    """How to run it; it keeps what it had, so that a restart does not begin cold."""
    argv = command(home / "redis", port, redis_server)
    return ProcessSpec("redis", argv, ENV, ready=lambda: _ready(port))


def command(data: Path, port: int, redis_server: str, *extra: str) -> tuple[str, ...]:
    """How to run one with its files in `data`."""
    data.mkdir(parents=True, exist_ok=True)
    return (
        *(redis_server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)),
        *("--appendonly", "yes", "--save", "", "--maxmemory", "256mb"),
        *("--maxmemory-policy", "volatile-lru", "--daemonize", "no"),
        *extra,
    )


def url(port: int) -> str:
    """Database 0."""
    return f"redis://127.0.0.1:{port}/0"


def _ready(port: int) -> str | None:
    import redis as client_library

    client = client_library.Redis(
        host="127.0.0.1", port=port, socket_timeout=1, socket_connect_timeout=1
    )
    try:
        return "ready" if client.ping() else None
    except client_library.RedisError:
        return None
    finally:
        client.close()
