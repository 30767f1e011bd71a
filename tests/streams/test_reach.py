"""What is said of servers that cannot be used. Real clusters: tests/clusters."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runtime.servers.certificates import make_authority
from runtime.servers.ports import free_port
from schemas.settings import Endpoints
from streams import reach

TLS = {"KAFKA_SECURITY_PROTOCOL": "SSL"}


@asynccontextmanager
async def listening(context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Something that speaks no Kafka, perhaps behind TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_nothing_listens() -> None:
    address = f"127.0.0.1:{free_port(set())}"
    told = await reach.kafka(Endpoints.of({"KAFKA_URL": address}))
    assert told is not None
    assert f"{address} cannot be reached" in told.cause
    told = await reach.redis(Endpoints.of({"REDIS_URL": f"redis://:secret@{address}/0"}))
    assert told is not None
    assert "Redis does not answer" in told.cause
    assert "secret" not in told.cause


async def test_a_certificate_of_a_stranger(tmp_path: Path) -> None:
    issued = make_authority(tmp_path / "theirs").issue("broker")
    ours = make_authority(tmp_path / "ours").issue("any").authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.certificate, issued.key)
    async with listening(context) as address:
        environment = {**TLS, "KAFKA_URL": address, "KAFKA_TLS_CA": str(ours)}
        told = await reach.kafka(Endpoints.of(environment))
    assert told is not None
    assert "is not trusted" in told.cause
    assert "KAFKA_TLS_CA" in told.fix


async def test_tls_where_there_is_none() -> None:
    async with listening() as address:
        told = await reach.kafka(Endpoints.of({**TLS, "KAFKA_URL": address}))
    assert told is not None
    assert "does not speak TLS" in told.cause
    assert "KAFKA_SECURITY_PROTOCOL" in told.fix


async def test_something_else_than_kafka() -> None:
    async with listening() as address:
        told = await reach.kafka(Endpoints.of({"KAFKA_URL": address}))
    assert told is not None
    assert "does not answer PLAINTEXT" in told.cause


async def test_what_cannot_even_be_tried() -> None:
    spoilt = {
        "KAFKA_TLS_CA cannot be used": {**TLS, "KAFKA_TLS_CA": "/nowhere.pem"},
        "is no host:port": {"KAFKA_URL": "broker"},
    }
    for words, environment in spoilt.items():
        told = await reach.kafka(Endpoints.of(environment))
        assert told is not None
        assert words in told.cause
    told = await reach.redis(Endpoints.of({"REDIS_URL": "http://redis"}))
    assert told is not None
    assert "begins with redis://" in told.cause
    told = await reach.mongodb(Endpoints.of({"DATABASE_URL": "postgres://u:secret@m/shop"}))
    assert told is not None
    assert "mongodb://" in told.cause
    assert "secret" not in told.cause
