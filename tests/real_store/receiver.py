"""Takes the plugin's deliveries in place of the API, checks signatures as the API does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connectors.errors import Forged
from connectors.woocommerce.signature import verify
from runtime.servers.ports import free_port
from schemas.clock import unix_ms

SECRET = "s3cr3tDumbaraLooms2026"


@dataclass(frozen=True)
class Delivery:
    id: str
    topic: str
    data: dict[str, Any]
    body: bytes
    status: int
    """What it was answered."""


class Receiver:
    """`answer` decides the status of each delivery; `cut` and `mend` are the network."""

    def __init__(self) -> None:
        self.port = free_port(set())
        self.deliveries: list[Delivery] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        """(path, Authorization, body) of other requests."""
        self.answer: Callable[[dict[str, Any]], int] = lambda _told: 200
        self.paired = 201
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/api/webhooks/woocommerce/org-1":
                    self._say(receiver.take(dict(self.headers), body), {})
                    return
                receiver.asked.append((self.path, "", json.loads(body)))
                self._say(receiver.paired, {"detail": "the code is used up"})

            def do_GET(self) -> None:
                receiver.asked.append((self.path, self.headers.get("authorization", ""), {}))
                known = self.headers.get("authorization") in (None, "Bearer key-1")
                self._say(200 if known else 401, {"status": "healthy"})

            def _say(self, status: int, told: dict[str, Any]) -> None:
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self) -> None:
        """Connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def take(self, headers: dict[str, str], body: bytes) -> int:
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            verify(SECRET, lower, body, unix_ms())
        except Forged:
            return 401
        told = json.loads(body)
        status = self.answer(told)
        self.deliveries.append(
            Delivery(lower["webhook-id"], told["topic"], told["data"], body, status)
        )
        return status

    def taken(self, kind: str = "") -> list[Delivery]:
        """Those answered 2xx."""
        return [d for d in self.deliveries if d.status < 300 and d.topic.startswith(kind)]
