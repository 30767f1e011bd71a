"""Files that customers send: where they lie, and their bytes. A URL lives for five minutes and
wants the token, which goes to Meta's own hosts and nowhere else."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import httpx

from connectors.errors import Malformed, Refused, Retry, Unknown
from connectors.http import open_http, send
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.settings import Account
from connectors.whatsapp.wire import text

HOSTS = frozenset(("graph.facebook.com", "lookaside.fbsbx.com"))
DOWNLOAD_S = 60.0


class TooLarge(Refused):
    """Over the limit: it is not fetched."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, checked."""

    content: bytes
    mime_type: str
    sha256: str
    """Hexadecimal."""


class MediaClient:
    """One account's files."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._account = account
        self._graph = Graph(account, transport)
        self._http = open_http("", transport=transport, connections=4, timeout_s=DOWNLOAD_S)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._graph.close()
        await self._http.aclose()

    async def fetch(self, media_id: str, limit: int, expected_sha256: str = "") -> Fetched:
        """The file of this id. Raises TooLarge, Refused (it is not there, is not what it was said
        to be, or lies where it should not), Retry, Unknown, Paused."""
        if not media_id.isalnum():
            raise Refused("the media id is none of Meta's")
        told = await self._graph.send("GET", f"/{media_id}")
        url, size = text(told.get("url")) or "", told.get("file_size")
        if isinstance(size, int) and size > limit:
            raise TooLarge(f"the file has {size} bytes; {limit} are fetched at most")
        check_host(url, self._account.base_url)
        token = {"authorization": f"Bearer {self._account.access_token}"}
        request = self._http.build_request("GET", url, headers={**token, "accept": "*/*"})
        try:
            reply = await send(self._http, request, limit=limit)
        except Malformed:
            raise TooLarge(f"the file has more than the {limit} bytes that are fetched") from None
        if reply.status in (401, 404, 410):
            raise Retry("the address of the file has run out")
        if reply.status >= 300:
            raise Unknown(f"the file: HTTP {reply.status}")
        for digest in (text(told.get("sha256")) or "", expected_sha256):
            check_digest(reply.body, digest)
        mime = text(told.get("mime_type")) or reply.headers.get("content-type", "")
        return Fetched(reply.body, mime, sha256(reply.body).hexdigest())


def check_host(url: str, base_url: str) -> None:
    """Raises Refused for an address that the token must not go to."""
    try:
        parts, base = urlsplit(url), urlsplit(base_url)
        at_base = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
        metas = parts.scheme == "https" and parts.hostname in HOSTS and parts.port in (None, 443)
    except ValueError:
        at_base = metas = False
    if not (at_base or metas) or "@" in parts.netloc:
        raise Refused("the file's address is not one of Meta's")


def check_digest(content: bytes, expected: str) -> None:
    """`expected`: SHA-256 in hexadecimal (as `GET /{id}` tells it) or base64 (as webhooks do);
    empty checks nothing. Raises Refused."""
    if not expected:
        return
    found = sha256(content).digest()
    known = (found.hex(), base64.b64encode(found).decode())
    if not any(hmac.compare_digest(one, expected.strip()) for one in known):
        raise Refused("the file is not the one that was sent: its SHA-256 differs")
