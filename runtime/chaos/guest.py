"""`python -m runtime.chaos.guest ROLE SECONDS`: a second worker that joins its groups, leaves them
after so long, and comes again under another name, until it is killed. Loaded once: it comes and
goes at its own pace on a busy machine too."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time

import uvloop

from schemas.settings import Endpoints
from streams.worker import configure_logging, run

LOADED = "guest loaded"


def main() -> None:
    """For ever."""
    role, stays_s = sys.argv[1], float(sys.argv[2])
    configure_logging()
    importlib.import_module(f"streams.roles.{role}")
    sys.stderr.write(f"{LOADED}\n")
    number = 0
    while True:
        number += 1  # a static member that came back in time would move nothing
        leaving = threading.Timer(stays_s, os.kill, (os.getpid(), signal.SIGTERM))
        leaving.daemon = True
        leaving.start()
        uvloop.run(run(role, Endpoints(), f"guest-{number}"))
        leaving.cancel()
        time.sleep(stays_s)


if __name__ == "__main__":
    main()
