"""HTTP as every connector uses it: timeouts, limits, kept connections, errors without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from connectors.errors import Malformed, Retry, Unknown

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 20_000_000
"""A page of 100 WooCommerce products with plugins' meta reaches 3 MB."""
MAX_RETRY_AFTER_S = 3600.0
SHORTEST_SECRET = 6

logging.getLogger("httpx").setLevel(logging.WARNING)
"""At INFO it writes whole addresses, and a query may hold a secret."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_decoder = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's JSON. Raises Malformed (a proxy's HTML page, a cut answer)."""
        try:
            return _decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            kind = self.headers.get("content-type", "no content type")
            raise Malformed(f"HTTP {self.status} with a body that is no JSON ({kind})") from error

    def retry_after_s(self) -> float | None:
        """`Retry-After` (seconds or a date), at most an hour; None if absent or unreadable."""
        text = self.headers.get("retry-after", "").strip()
        if not text:
            return None
        try:
            wait = float(text)
        except ValueError:
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                return None
            wait = (moment - datetime.now(UTC)).total_seconds()
        return min(max(wait, 0.0), MAX_RETRY_AFTER_S)


def open_http(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    connections: int = 16,
    timeout_s: float = TIMEOUT_S,
) -> httpx.AsyncClient:
    """A client that keeps its connections and follows no redirect (a redirected PUT becomes a GET).

    Proxy settings of the environment are not read: a credential must go where it was meant to go.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"user-agent": "smartstore-sync", "accept": "application/json", **(headers or {})},
        auth=auth,
        transport=transport,
        timeout=httpx.Timeout(timeout_s),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
        trust_env=False,
    )


async def call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    limit: int = MAX_ANSWER_BYTES,
) -> Reply:
    """One request, its answer read to the end whatever its status.

    Raises Retry when it surely was not sent, Unknown when it may have reached the platform,
    Malformed for an answer over `limit` bytes. Their texts hold no query, header or body.
    """
    content = None if body is None else msgspec.json.encode(body)
    given = dict(headers or {}) | ({} if body is None else {"content-type": "application/json"})
    request = client.build_request(method, path, params=params, content=content, headers=given)
    return await send(client, request, limit=limit)


async def send(
    client: httpx.AsyncClient, request: httpx.Request, *, limit: int = MAX_ANSWER_BYTES
) -> Reply:
    """`call`, for a request made elsewhere (a form, headers of its own)."""
    where = f"{request.method} {request.url.path}"
    try:
        answer = await client.send(request, stream=True)
        try:
            chunks, size = [], 0
            async for chunk in answer.aiter_bytes():
                size += len(chunk)
                if size > limit:
                    raise Malformed(f"{where}: the answer is over {limit} bytes")
                chunks.append(chunk)
        finally:
            await answer.aclose()
    except _NEVER_SENT as error:
        raise Retry(f"{where}: not reached ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unknown(f"{where}: no answer ({type(error).__name__})") from None
    return Reply(answer.status_code, answer.headers, b"".join(chunks))


def redact(text: str, secrets: Iterable[str]) -> str:
    """The platform's words without any of our secrets in them, and short."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text[:500]
