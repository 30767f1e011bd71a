"""One Redis: a cache with counters, never the only copy of anything."""

from __future__ import annotations

from pathlib import Path

from runtime.supervisor import ProcessSpec


def spec(home: Path, port: int, redis_server: str) -> ProcessSpec:
    """How to run it; it keeps what it had, so that a restart does not begin cold."""
    data = home / "redis"
    data.mkdir(parents=True, exist_ok=True)
    argv = (
        *(redis_server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)),
        *("--appendonly", "yes", "--save", "", "--maxmemory", "256mb"),
        *("--maxmemory-policy", "volatile-lru", "--daemonize", "no"),
    )
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return ProcessSpec("redis", argv, env, ready=lambda: _ready(port))


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
