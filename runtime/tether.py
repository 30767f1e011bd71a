"""Runs a command that dies with its parent: `python -I -S tether.py PARENT_PID COMMAND...`.

A script of its own, not a `preexec_fn`: code between fork and exec can deadlock in a process
with threads. The kernel sends the signal when the starting *thread* ends, so the supervisor
starts everything from one thread that lives as long as the children.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606


main()
