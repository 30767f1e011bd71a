"""Redis with TLS as managed services offer it: something in front of it ends the encryption."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from runtime.servers.certificates import Authority, Issued, make_authority
from schemas.settings import Endpoints
from streams import reach
from streams.cache import CACHE_ERRORS, open_cache, places
from support.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path / "redis")


@pytest.fixture
async def port(authority: Authority, servers: Mapping[str, str]) -> AsyncIterator[int]:
    """Where it listens; whoever has no certificate of this authority is let in no further."""
    issued = authority.issue("redis")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=issued.authority)
    context.load_cert_chain(issued.certificate, issued.key)
    context.verify_mode = ssl.CERT_REQUIRED
    (behind,) = places(servers["REDIS_URL"])

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass  # the other side is gone, or was never let in
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(*behind)
        await asyncio.gather(pass_on(reader, outer), pass_on(inner, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def at(port: int, ours: Issued, *, shown: bool = True) -> Endpoints:
    """`rediss://…`, trusting who signed ours; `shown`: with our own certificate."""
    own = f"&ssl_certfile={ours.certificate}&ssl_keyfile={ours.key}" if shown else ""
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={ours.authority}{own}"
    return Endpoints.of({"REDIS_URL": url})


async def test_what_is_written_is_read_again(port: int, authority: Authority) -> None:
    endpoints = at(port, authority.issue("us"))
    cache = open_cache(endpoints)
    name = f"tls:{port}"

    async def ask() -> str | None:
        try:
            await cache.set(name, "තේ", ex=60)
            return str(await cache.get(name))
        except CACHE_ERRORS:
            return None  # half a second is little on a busy machine

    assert await until(ask, lambda found: found is not None) == "තේ"
    assert await until(lambda: reach.redis(endpoints), lambda trouble: trouble is None) is None
    await cache.aclose()


async def test_what_is_wrong_is_told(port: int, authority: Authority, tmp_path: Path) -> None:
    ours = authority.issue("us")
    stranger = make_authority(tmp_path / "stranger").issue("us")
    plain = Endpoints.of({"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    for endpoints, cause, fix in (
        (at(port, stranger), "is not trusted", "ssl_ca_certs"),
        (at(port, ours, shown=False), "does not answer", "a certificate of ours (?ssl_certfile"),
        (plain, "does not answer", "rediss://"),
    ):
        told = await until(
            lambda asked=endpoints: reach.redis(asked),  # type: ignore[misc]
            lambda found, cause=cause: found is not None and cause in found.cause,  # type: ignore[misc]
        )
        assert told is not None
        assert fix in told.fix
