"""Ports on 127.0.0.1 that stay the same between starts while they are free."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from pathlib import Path

# Below Linux's range for outgoing connections (32768 and up): one of those could take the port
# of a server that is being restarted.
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((host, port))
            return True
    return False


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """True when something listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def free_port(taken: set[int]) -> int:
    """Any free port not in `taken`."""
    for _ in range(1000):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311
        if port not in taken and is_free(port):
            return port
    raise OSError("no free port between 20000 and 32000")


def remembered(path: Path, names: tuple[str, ...]) -> dict[str, int]:
    """The ports of the last start where still free, else new ones; written to `path`."""
    try:
        known = {str(k): int(v) for k, v in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        known = {}
    chosen: dict[str, int] = {}
    for name in names:
        port = known.get(name, 0)
        usable = port and port not in chosen.values() and is_free(port)
        chosen[name] = port if usable else free_port(set(chosen.values()) | set(known.values()))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**known, **chosen}))
    return chosen


def preferred(port: int, host: str = "127.0.0.1", taken: frozenset[int] = frozenset()) -> int:
    """`port` where free, else one of the next hundred, else any."""
    for candidate in range(port, min(port + 100, 65_536)):
        if candidate not in taken and is_free(candidate, host):
            return candidate
    return free_port(set(taken))
