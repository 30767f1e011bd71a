"""Keeps child processes running: starts, watches, restarts with backoff, ends them all.

One thread, the keeper, starts and reaps every child, because the kernel ties a tethered child to
the thread that started it. Everything else only asks the keeper.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from runtime.child import PidFile, rotate, signal_group, spawn, tail
from runtime.errors import StartFailed

_TICK_S = 0.1
_STABLE_S = 30.0
_ATTEMPTS_AT_START = 3


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one process and how to know that it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], str | None] = lambda: ""
    """Returns what to show ("KRaft 1 broker") once ready, None while not; it may block 1 s."""
    ready_timeout_s: float = 180.0
    stop_timeout_s: float = 10.0
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Consumer groups to judge it by, each with the topics that count before any commit."""


@dataclass(frozen=True)
class ProcessEvent:
    """Told to the listener: ready, exited, replaced."""

    name: str
    what: str
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class ProcessStatus:
    """A look at one process."""

    name: str
    state: str
    pid: int | None
    restarts: int
    uptime_s: float
    log: Path


@dataclass
class _Slot:
    spec: ProcessSpec
    log: Path
    state: str = "waiting"
    popen: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    log_begin: int = 0
    next_start_s: float = 0.0
    restarts: int = 0
    failures: int = 0
    paused_since_s: float | None = None
    was_ready: bool = False
    detail: str = ""


def restart_delay_s(failures: int) -> float:
    """At once after a lone crash, then doubling to half a minute."""
    return 0.2 if failures <= 1 else float(min(30.0, 0.5 * 2 ** (failures - 1)))


class Supervisor:
    """Use as a context manager, or `start` and `stop`. Any thread may call any method."""

    def __init__(
        self,
        specs: Iterable[ProcessSpec],
        *,
        home: Path,
        name: str,
        listener: Callable[[ProcessEvent], None] = lambda event: None,
    ) -> None:
        self._slots = {s.name: _Slot(s, home / "logs" / f"{s.name}.log") for s in specs}
        self._pids = PidFile(home / "run" / f"{name}.pids")
        self._home = home
        self._listener = listener
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"keeper-{name}", daemon=True)

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything at once; return when all are ready, else end all and raise."""
        self._pids.sweep()
        for slot in self._slots.values():
            rotate(slot.log)
        self._keeper.start()
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every child: SIGTERM, then SIGKILL after its own time. Safe to call twice."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._keeper.is_alive():
            self._keeper.join()

    def is_running(self) -> bool:
        """False once stopped, or when it had to give up: then its children are ended too."""
        return self._keeper.is_alive()

    def replace(self, name: str, reason: str) -> None:
        """SIGKILL one process, stopped or hung included; the keeper starts a new one."""
        with self._changed:
            slot = self._slots[name]
            if slot.popen is None or slot.popen.poll() is not None:
                return
            signal_group(slot.popen.pid, signal.SIGKILL)
            slot.failures = 0
        self._listener(ProcessEvent(name, "replaced", reason))

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """All processes, in the order given."""
        now_s = time.monotonic()
        with self._changed:
            return tuple(
                ProcessStatus(
                    name=name,
                    state=slot.state,
                    pid=slot.popen.pid if slot.popen else None,
                    restarts=slot.restarts,
                    uptime_s=round(now_s - slot.started_s, 1) if slot.popen else 0.0,
                    log=slot.log,
                )
                for name, slot in self._slots.items()
            )

    def status(self, name: str) -> ProcessStatus:
        """One process."""
        return next(status for status in self.statuses() if status.name == name)

    def specs(self) -> tuple[ProcessSpec, ...]:
        """What is supervised."""
        return tuple(slot.spec for slot in self._slots.values())

    def age_s(self, name: str) -> float:
        """Seconds since the process's latest start."""
        return self.status(name).uptime_s

    def output(self, name: str) -> str:
        """What the process has logged since its latest start, the first megabyte of it."""
        slot = self._slots[name]
        with contextlib.suppress(OSError), slot.log.open("rb") as stream:
            stream.seek(slot.log_begin)
            return stream.read(1_000_000).decode(errors="replace")
        return ""

    def _wait_ready(self) -> None:
        limit_s = time.monotonic() + max(
            (s.spec.ready_timeout_s for s in self._slots.values()), default=0.0
        )
        with self._changed:
            while not all(slot.was_ready for slot in self._slots.values()):
                if not self._keeper.is_alive():
                    raise StartFailed("the supervisor ended; its error is above")
                for slot in self._slots.values():
                    if not slot.was_ready and slot.failures >= _ATTEMPTS_AT_START:
                        raise _start_failed(slot, "ended at once, three times")
                if time.monotonic() > limit_s:
                    late = next(s for s in self._slots.values() if not s.was_ready)
                    raise _start_failed(late, f"not ready in {late.spec.ready_timeout_s:.0f} s")
                self._changed.wait(_TICK_S)

    # The keeper's side

    def _keep(self) -> None:
        try:
            while not self._stopping.is_set():
                self._look()
                self._stopping.wait(_TICK_S)
        finally:  # also when the listener broke the loop: see `is_running`
            self._stopping.set()
            self._end_all()

    def _look(self) -> None:
        events: list[ProcessEvent] = []
        with self._changed:
            for slot in self._slots.values():
                events.extend(self._tick(slot))
            if events:
                self._changed.notify_all()
        for event in events:
            self._listener(event)

    def _tick(self, slot: _Slot) -> Iterable[ProcessEvent]:
        now_s = time.monotonic()
        if slot.popen is None:
            if now_s >= slot.next_start_s:
                self._start_one(slot, now_s)
        elif (code := slot.popen.poll()) is not None:
            yield self._reap(slot, code, now_s)
        elif slot.failures and now_s - slot.started_s > _STABLE_S:
            slot.failures = 0

    def _start_one(self, slot: _Slot, now_s: float) -> None:
        slot.log_begin = slot.log.stat().st_size if slot.log.exists() else 0
        try:
            slot.popen = spawn(slot.spec.argv, env=slot.spec.env, cwd=self._home, log=slot.log)
        except OSError:  # no room for its log, or for one more process
            slot.failures += 1
            slot.next_start_s = now_s + restart_delay_s(slot.failures)
            return
        self._pids.add(slot.spec.name, slot.popen.pid)
        slot.started_s, slot.state, slot.paused_since_s = now_s, "starting", None
        threading.Thread(
            target=self._await_ready, args=(slot, slot.popen), daemon=True, name="ready"
        ).start()

    def _reap(self, slot: _Slot, code: int, now_s: float) -> ProcessEvent:
        if slot.popen is not None:
            signal_group(slot.popen.pid, signal.SIGKILL)  # what it may have started itself
            self._pids.remove(slot.popen.pid)
        slot.popen, slot.state = None, "waiting"
        slot.failures += 1
        slot.restarts += 1
        delay_s = restart_delay_s(slot.failures)
        slot.next_start_s = now_s + delay_s
        return ProcessEvent(
            slot.spec.name, "exited", f"{_exit_words(code)}, again in {delay_s:g} s"
        )

    def _await_ready(self, slot: _Slot, popen: subprocess.Popen[bytes]) -> None:
        while slot.popen is popen and not self._stopping.is_set():
            detail = slot.spec.ready()
            if detail is not None:
                break
            self._stopping.wait(_TICK_S)
        else:
            return
        with self._changed:
            if slot.popen is not popen:
                return
            slot.state, slot.was_ready, slot.detail = "ready", True, detail
            seconds = time.monotonic() - slot.started_s
            self._changed.notify_all()
        self._listener(ProcessEvent(slot.spec.name, "ready", detail, seconds))

    def _end_all(self) -> None:
        running = [slot for slot in self._slots.values() if slot.popen is not None]
        for slot in running:
            if slot.popen is not None:
                signal_group(slot.popen.pid, signal.SIGTERM)
                signal_group(slot.popen.pid, signal.SIGCONT)  # a stopped one cannot hear SIGTERM
        began_s = time.monotonic()
        for slot in running:
            if slot.popen is None:
                continue
            left_s = slot.spec.stop_timeout_s - (time.monotonic() - began_s)
            with contextlib.suppress(subprocess.TimeoutExpired):
                slot.popen.wait(max(left_s, 0.1))
            signal_group(slot.popen.pid, signal.SIGKILL)
            slot.popen.wait()
            self._pids.remove(slot.popen.pid)
            with self._changed:
                slot.popen, slot.state = None, "stopped"
        self._pids.sweep()


def is_paused(pid: int) -> bool:
    """True for a process that someone stopped (SIGSTOP); a debugger's stop does not count."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _exit_words(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"ended with {code}"


def _start_failed(slot: _Slot, why: str) -> StartFailed:
    shown = tail(slot.log)
    return StartFailed(
        f"{slot.spec.name} {why}; its log ends:\n{shown}" if shown else f"{slot.spec.name} {why}",
        fix=f"see {slot.log}",
    )
