"""The supervisor with small real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runtime.child import PidFile, rotate
from runtime.errors import StartFailed
from runtime.guard import Guard
from runtime.settings import ROOT
from runtime.supervisor import ProcessEvent, ProcessSpec, Supervisor, restart_delay_s
from runtime.watchdog import Limits
from schemas.settings import Endpoints

SLEEPER = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
ENVIRONMENT = dict(os.environ)


def eventually(check: Callable[[], bool], limit_s: float = 10.0) -> None:
    until_s = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < until_s, "did not happen in time"
        time.sleep(0.02)


def sleeper(name: str = "sleeper") -> ProcessSpec:
    return ProcessSpec(name, SLEEPER, ENVIRONMENT, stop_timeout_s=2)


def test_start_and_stop(tmp_path: Path) -> None:
    supervisor = Supervisor([sleeper()], home=tmp_path, name="t")
    with supervisor:
        status = supervisor.status("sleeper")
        assert status.state == "ready"
        assert status.pid
    assert not psutil.pid_exists(status.pid)
    assert supervisor.status("sleeper").state == "stopped"


def test_a_killed_process_comes_back(tmp_path: Path) -> None:
    events: list[ProcessEvent] = []
    with Supervisor([sleeper()], home=tmp_path, name="t", listener=events.append) as supervisor:
        first = supervisor.status("sleeper").pid
        assert first
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervisor.status("sleeper").restarts == 1)
        eventually(lambda: supervisor.status("sleeper").state == "ready")
        assert supervisor.status("sleeper").pid not in (None, first)
    assert [event.what for event in events] == ["ready", "exited", "ready"]
    assert events[1].detail == "killed by SIGKILL, again in 0.2 s"


def test_one_that_never_stays_up_fails_the_start_with_its_words(tmp_path: Path) -> None:
    argv = (sys.executable, "-S", "-c", "import time; print('no such table'); 1/0")
    spec = ProcessSpec("broken", argv, ENVIRONMENT, ready=lambda: None)
    with pytest.raises(StartFailed, match=r"(?s)broken ended at once.*ZeroDivisionError"):
        Supervisor([sleeper(), spec], home=tmp_path, name="t").start()
    assert not [p for p in psutil.Process().children() if "time.sleep(600)" in p.cmdline()]


def test_a_disk_without_room_ends_nobody(tmp_path: Path) -> None:
    """Neither the list of processes nor a log can be written; later there is room again."""
    run = tmp_path / "run"
    with Supervisor([sleeper()], home=tmp_path, name="t") as supervisor:
        log = supervisor.status("sleeper").log
        log.unlink()
        log.mkdir()
        run.rename(tmp_path / "away")
        run.write_text("in the way")
        os.kill(supervisor.status("sleeper").pid or 0, signal.SIGKILL)
        eventually(lambda: supervisor.status("sleeper").state == "waiting")
        assert supervisor.is_running()
        log.rmdir()
        run.unlink()
        eventually(lambda: supervisor.status("sleeper").state == "ready")
        assert str(supervisor.status("sleeper").pid) in (run / "t.pids").read_text()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_broken_listener_ends_the_children_too(tmp_path: Path) -> None:
    def broken(event: ProcessEvent) -> None:
        if event.what == "exited":
            raise OSError("disk full")

    with Supervisor([sleeper()], home=tmp_path, name="t", listener=broken) as supervisor:
        pid = supervisor.status("sleeper").pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not supervisor.is_running())
    assert supervisor.status("sleeper").pid is None


def test_a_stopped_process_is_replaced(tmp_path: Path) -> None:
    """SIGSTOP: alive for the system, dead for its work."""
    with Supervisor([sleeper()], home=tmp_path, name="t") as supervisor:
        guard = Guard(
            supervisor, Endpoints(kafka_url="127.0.0.1:1"), Limits(look_every_s=0.2, paused_s=0.3)
        )
        guard.start()
        first = supervisor.status("sleeper").pid
        assert first
        os.kill(first, signal.SIGSTOP)
        eventually(lambda: supervisor.status("sleeper").restarts == 1)
        guard.stop()


def test_a_stopped_process_does_not_hold_up_the_end(tmp_path: Path) -> None:
    supervisor = Supervisor([sleeper()], home=tmp_path, name="t")
    supervisor.start()
    pid = supervisor.status("sleeper").pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    supervisor.stop()
    assert not psutil.pid_exists(pid)


PARENT = """
import sys, time
from pathlib import Path
from runtime.supervisor import ProcessSpec, Supervisor
argv = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
supervisor = Supervisor([ProcessSpec("a", argv), ProcessSpec("b", argv)],
                        home=Path(sys.argv[1]), name="t")
supervisor.start()
print(*[status.pid for status in supervisor.statuses()], flush=True)
time.sleep(600)
"""


def test_no_orphans_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT, str(tmp_path)],
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


@pytest.fixture
def two_processes() -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    leftover, stranger = (subprocess.Popen(SLEEPER, process_group=0) for _ in range(2))
    yield leftover, stranger
    for process in (leftover, stranger):
        process.kill()
        process.wait()


def test_leftovers_are_ended_but_strangers_are_not(
    tmp_path: Path, two_processes: tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]
) -> None:
    """A recorded pid may belong to another process by now."""
    leftover, stranger = two_processes
    file = tmp_path / "t.pids"
    pids = PidFile(file)
    pids.add("leftover", leftover.pid)
    pids.add("stranger", stranger.pid)
    rows = json.loads(file.read_text())
    rows[1]["began"] -= 3600
    file.write_text(json.dumps(rows))
    assert PidFile(file).sweep() == ["leftover"]
    assert leftover.wait(5) is not None
    assert stranger.poll() is None


def test_backoff_grows_to_half_a_minute() -> None:
    assert [restart_delay_s(n) for n in (1, 2, 3, 4, 20)] == [0.2, 1.0, 2.0, 4.0, 30.0]


def test_logs_of_the_last_starts_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    for number in range(6):
        rotate(log)
        log.write_text(str(number))
    kept = {path.name: path.read_text() for path in log.parent.iterdir()}
    assert kept == {"x.log": "5", "x.log.1": "4", "x.log.2": "3", "x.log.3": "2"}
