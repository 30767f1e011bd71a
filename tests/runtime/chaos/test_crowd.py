"""What the crowds of the fault matrix count, and the disks that it fills, without a system."""

from __future__ import annotations

import asyncio
import resource
import socket
from array import array
from pathlib import Path
from typing import Any

import pytest

from api.main import SEND_BUFFER, STALLED_MS, allow_files, listen
from runtime.chaos.crowd import Client, Crowd
from runtime.chaos.disk import Disks

HEARD: dict[str, tuple[list[int], dict[str, int]]] = {
    "everything": ([0, 1, 2], {}),
    "nothing": ([], {"missing": 3}),
    "a gap": ([0, 2], {"missing": 1}),
    "a repeat": ([0, 1, 1, 2], {"repeated": 1}),
    "another order": ([1, 0, 2], {"disordered": 1}),
}


@pytest.mark.parametrize("case", HEARD)
def test_a_crowd_tells_who_was_not_sent_what_the_others_were(case: str) -> None:
    heard, wrong = HEARD[case]
    crowd = Crowd(None, {"url": "", "websocket": "", "groups": [{"key": "k", "count": 2}]})  # type: ignore[arg-type]
    (group,) = crowd.groups
    group.first_s = [1.0, 2.0, 3.0]
    gone = Client(group, array("l", [0]), ended=1013)
    group.clients += [Client(group, array("l", [0, 1, 2])), Client(group, array("l", heard)), gone]
    told: dict[str, Any] = crowd.told()
    assert told["lines"] == 3
    assert told["messages"] == 3 + len(heard)
    assert told["ended"] == 1, "one that was dropped is told as such, not as one that missed"
    for name in ("missing", "repeated", "disordered"):
        assert told[name] == wrong.get(name, 0), name


def test_a_full_disk_is_what_is_wanted(tmp_path: Path) -> None:
    disks = Disks(tmp_path)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "filler").symlink_to("/dev/full")
    disks.fill("archive")
    disks.free()
    assert not (tmp_path / "archive" / "filler").exists()
    disks.free()


async def test_who_never_reads_is_not_held_for_ever() -> None:
    """Accepted connections end by themselves when what is sent is not taken: closing one waits
    for that, which nobody did for a client that read nothing."""
    opened = listen("127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    with opened, socket.socket() as client:
        client.setblocking(False)
        connecting = loop.sock_connect(client, opened.getsockname())
        (accepted, _), _ = await asyncio.gather(loop.sock_accept(opened), connecting)
        with accepted:
            held = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert held <= 2 * SEND_BUFFER, "the kernel doubles it for itself"
            kept_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert kept_ms == STALLED_MS


def test_the_api_takes_as_many_files_as_it_may() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
