"""Kafka's jars: an exact list with checksums, fetched from a Maven repository into the cache."""

from __future__ import annotations

import ast
import hashlib
import os
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.console import Reporter, Transfer
from runtime.errors import DownloadFailed
from runtime.servers import wheels

if TYPE_CHECKING:
    import httpx

LOCK = Path(__file__).parent / "locks" / "kafka.lock"
_PARALLEL = 6
_ATTEMPTS = 4
ATTEMPT_PAUSE_S = 0.5
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    sha256: str
    size: int
    path: str

    def target(self, cache: Path) -> Path:
        """Named by content too: a changed lock never meets an old file."""
        return cache / "jars" / f"{self.sha256[:12]}-{self.path.rsplit('/', 1)[-1]}"


def read_lock(text: str) -> tuple[Jar, ...]:
    """Lines of SHA-256, bytes and path; # begins a comment."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Jar(sha, int(size), path) for sha, size, path in rows)


def fetch(cache: Path, maven_url: str, reporter: Reporter) -> list[Path]:
    """All jars, from the cache or the repository; what is half there is continued."""
    jars = read_lock(LOCK.read_text())
    missing = [jar for jar in jars if not _is_whole(jar, jar.target(cache))]
    if missing:
        import httpx  # late: every later start does without it

        (cache / "jars").mkdir(parents=True, exist_ok=True)
        base = maven_url or central(cache, reporter)
        transfer = reporter.transfer("Kafka 4.4.0", sum(jar.size for jar in missing))
        # The system's certificates, as a company's proxy is known there and not in certifi.
        limits = httpx.Limits(max_connections=_PARALLEL)
        with (
            httpx.Client(verify=ssl.create_default_context(), timeout=30, limits=limits) as client,
            ThreadPoolExecutor(_PARALLEL) as pool,
        ):
            largest_first = sorted(missing, key=lambda jar: -jar.size)
            for done in [
                pool.submit(_fetch_one, client, base, jar, cache, transfer) for jar in largest_first
            ]:
                done.result()
    return [jar.target(cache) for jar in jars]


def central(cache: Path, reporter: Reporter) -> str:
    """Maven Central's address as jgo, a Maven client in Python, carries it. Read, not imported:
    jgo's own dependencies are not needed here."""
    source = wheels.fetch("maven", cache, reporter) / "jgo" / "constants.py"
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "MAVEN_CENTRAL_URL" in names and isinstance(node.value.value, str):
                return node.value.value
    raise DownloadFailed(
        "no address of a Maven repository is known",
        fix="set SMARTSTORE_MAVEN_URL to the address of Maven Central or a mirror of it",
    )


def _is_whole(jar: Jar, path: Path) -> bool:
    """By size: the checksum was verified before the file got its name."""
    return path.is_file() and path.stat().st_size == jar.size


def _fetch_one(client: httpx.Client, base: str, jar: Jar, cache: Path, transfer: Transfer) -> None:
    import httpx

    target = jar.target(cache)
    # By process: two first starts at once must not write into one file. A part left by a crash
    # is taken over by its name, whoever began it.
    part = _take_over_part(target)
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(ATTEMPT_PAUSE_S * 2**attempt)
        try:
            _continue(client, f"{base.rstrip('/')}/{jar.path}", part, jar.size, transfer)
        except httpx.HTTPStatusError as error:
            reason = f"the repository answered {error.response.status_code}"
            if error.response.status_code in (401, 403, 404):
                break
            continue
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            continue
        if _sha256(part) == jar.sha256:
            part.replace(target)
            return
        transfer.advance(-part.stat().st_size)
        part.unlink()
        reason = "its checksum is not the one in the lock"
    raise DownloadFailed(
        f"{jar.path.rsplit('/', 1)[-1]} could not be fetched: {reason}",
        fix="check the network, or set SMARTSTORE_MAVEN_URL to a mirror, then start again; "
        "what arrived is kept",
    )


def _take_over_part(target: Path) -> Path:
    mine = target.with_name(f"{target.name}.{os.getpid()}.part")
    for other in target.parent.glob(f"{target.name}.*.part"):
        owner = other.name.rsplit(".", 2)[1]
        if owner != str(os.getpid()) and not Path(f"/proc/{owner}").exists():
            other.replace(mine)
            break
    return mine


def _continue(client: httpx.Client, url: str, part: Path, size: int, transfer: Transfer) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        transfer.advance(have)
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with client.stream("GET", url, headers=headers, follow_redirects=True) as response:
        response.raise_for_status()
        resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        with part.open("ab" if resumed else "wb") as output:
            for chunk in response.iter_bytes(_CHUNK):
                output.write(chunk)
                transfer.advance(len(chunk))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
