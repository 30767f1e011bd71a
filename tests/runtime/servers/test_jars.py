"""Fetching by an exact list, against a small repository of our own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime.console import Silent
from runtime.errors import DownloadFailed
from runtime.servers import jars

CONTENT = {f"org/example/{name}.jar": name.encode() * 5000 for name in ("one", "two")}


class Repository(BaseHTTPRequestHandler):
    """Serves CONTENT, ranges too, and remembers what was asked."""

    asked: list[tuple[str, str | None]]
    content: dict[str, bytes]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append((self.path.rsplit("/", 1)[-1], wanted))
        body = self.content.get(self.path.removeprefix("/maven/"))
        if body is None:
            self.send_error(404)
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        self.wfile.write(body[first:])

    def log_message(self, *args: object) -> None:
        """No noise."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Repository]]:
    lines = [f"{hashlib.sha256(b).hexdigest()} {len(b)} {p}" for p, b in CONTENT.items()]
    lock = tmp_path / "kafka.lock"
    lock.write_text("# comment\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(jars, "LOCK", lock)
    monkeypatch.setattr(jars, "ATTEMPT_PAUSE_S", 0.0)
    handler = type("Handler", (Repository,), {"asked": [], "content": dict(CONTENT)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        handler.url = f"http://127.0.0.1:{server.server_address[1]}/maven/"  # type: ignore[attr-defined]
        yield handler
        server.shutdown()


def fetch(repository: type[Repository], cache: Path) -> list[Path]:
    return jars.fetch(cache, repository.url, Silent())  # type: ignore[attr-defined]


def test_second_time_asks_for_nothing(repository: type[Repository], tmp_path: Path) -> None:
    paths = fetch(repository, tmp_path)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    repository.asked.clear()
    assert fetch(repository, tmp_path) == paths
    assert repository.asked == []


def test_a_part_is_continued(repository: type[Repository], tmp_path: Path) -> None:
    """Left by a process that no longer runs; nobody has a pid this high."""
    first = jars.read_lock(jars.LOCK.read_text())[0].target(tmp_path)
    first.parent.mkdir()
    first.with_name(f"{first.name}.99999999.part").write_bytes(CONTENT["org/example/one.jar"][:700])
    fetch(repository, tmp_path)
    assert ("one.jar", "bytes=700-") in repository.asked
    assert first.read_bytes() == CONTENT["org/example/one.jar"]


def test_a_spoilt_part_is_fetched_afresh(repository: type[Repository], tmp_path: Path) -> None:
    first = jars.read_lock(jars.LOCK.read_text())[0].target(tmp_path)
    first.parent.mkdir()
    first.with_name(f"{first.name}.99999999.part").write_bytes(b"x" * 700)
    fetch(repository, tmp_path)
    assert first.read_bytes() == CONTENT["org/example/one.jar"]


def test_other_content_is_refused(repository: type[Repository], tmp_path: Path) -> None:
    repository.content["org/example/two.jar"] = b"x" * 15_000
    with pytest.raises(DownloadFailed, match=r"two\.jar could not be fetched: its checksum"):
        fetch(repository, tmp_path)


def test_a_missing_file_is_not_asked_for_again(
    repository: type[Repository], tmp_path: Path
) -> None:
    del repository.content["org/example/two.jar"]
    with pytest.raises(DownloadFailed, match="answered 404"):
        fetch(repository, tmp_path)
    assert [name for name, _ in repository.asked].count("two.jar") == 1


def test_the_committed_list_is_whole() -> None:
    listed = jars.read_lock((Path(jars.__file__).parent / "locks" / "kafka.lock").read_text())
    assert len(listed) == 45
    assert all(len(jar.sha256) == 64 and jar.path.endswith(".jar") for jar in listed)
