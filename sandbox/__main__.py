"""`python -m sandbox`: serve the sandbox until it is stopped."""

import argparse
import socket
import sys

import uvicorn

from sandbox.app import create_sandbox


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Stand-ins of WooCommerce and WhatsApp, in memory. See sandbox/README.md.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=3900, help="port; 0 takes a free one")
    parser.add_argument(
        "--log-level", default="critical", help="of the server, e.g. info (%(default)s)"
    )
    arguments = parser.parse_args()
    config = uvicorn.Config(
        create_sandbox(),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level=arguments.log_level,
        access_log=False,
        # Requests in flight are in memory only: nothing is worth waiting for.
        timeout_graceful_shutdown=1,
    )
    listener = socket.create_server((arguments.host, arguments.port), backlog=2048)
    host, port = listener.getsockname()[:2]
    # Whoever started it with port 0 reads here which one it got.
    sys.stdout.write(f"sandbox: http://{host}:{port}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
