"""Why Kafka, MongoDB or Redis cannot be used: asked directly, told in words that say what to do.
The clients themselves try again in silence, or name the address and not the reason."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from schemas.settings import Endpoints
from streams.cache import CACHE_ERRORS, BadRedisUrl, open_cache
from streams.database import open_database
from streams.kafka.access import BadCertificate, connection_settings

PATIENCE_S = 5.0
_MONGODB_DENIES = (13, 18)
"""Unauthorized, AuthenticationFailed."""
_REDIS_DENIES = ("wrongpass", "noauth", "noperm", "authentication", "username-password")
"""In its words: a cluster's client wraps them in an error of its own."""

_ALERT = "alert"
"""A TLS alert is the server's word: it does not trust us. It may be lost with the connection, which
the server ends at once; then nothing but the end is seen."""


@dataclass(frozen=True)
class Trouble:
    """One server that cannot be used."""

    name: str
    """The variable that names the server."""
    cause: str
    fix: str


async def troubles(endpoints: Endpoints) -> list[Trouble]:
    """All there are, asked at once; at most about ten seconds."""
    asked = await asyncio.gather(kafka(endpoints), mongodb(endpoints), redis(endpoints))
    return [trouble for trouble in asked if trouble is not None]


async def kafka(endpoints: Endpoints) -> Trouble | None:
    """None when one broker takes us, and there are enough of them."""
    try:
        settings = connection_settings(endpoints)
    except BadCertificate as error:
        return Trouble("KAFKA_URL", str(error), "name a readable PEM file, or give the PEM text")
    found: Trouble | None = None
    for address in endpoints.bootstrap:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            return Trouble("KAFKA_URL", f"{address} is no host:port", "write host:port,host:port")
        try:
            brokers = await _brokers(host, int(port), settings)
        except (KafkaError, OSError, TimeoutError) as error:
            found = _of_broker(endpoints, address, error)
            continue
        return await _of_cluster(endpoints, brokers, settings)
    return found


async def mongodb(endpoints: Endpoints) -> Trouble | None:
    """None when there is a primary that takes us, in a replica set."""
    name = "DATABASE_URL"
    try:
        database = open_database(
            endpoints, application="smartstore-doctor", timeout_ms=int(PATIENCE_S * 1000)
        )
    except (InvalidURI, ConfigurationError, ValueError, OSError) as error:
        return Trouble(name, str(error), "see docs/production.md for the form of the address")
    try:
        async with asyncio.timeout(2 * PATIENCE_S):
            told = await database.command("hello")
            await database.list_collection_names()  # `hello` is answered to strangers too
    except OperationFailure as error:
        if error.code in _MONGODB_DENIES:
            cause = f"MongoDB refuses our name or password ({error.details and error.code})"
            return Trouble(name, cause, "check user, password and authSource in the address")
        return Trouble(name, f"MongoDB answers: {error}", "see its log")
    except (PyMongoError, TimeoutError) as error:
        text = str(error) or "no answer"
        if "certificate" in text.lower():
            return Trouble(name, f"MongoDB's certificate is not trusted: {_short(text)}",
                           "set tlsCAFile in the address to who signed it")  # fmt: skip
        return Trouble(name, f"MongoDB does not answer: {_short(text)}",
                       "check the address, and whether it wants tls=true")  # fmt: skip
    finally:
        await database.client.close()
    if "setName" not in told and told.get("msg") != "isdbgrid":
        cause = "MongoDB is no replica set: changes cannot be followed"
        return Trouble(name, cause, "start it with --replSet and initiate it")
    return None


async def redis(endpoints: Endpoints) -> Trouble | None:
    """None when it answers us. Without Redis the product is slower, not wrong."""
    name = "REDIS_URL"
    try:
        cache = open_cache(endpoints)
    except BadRedisUrl as error:
        return Trouble(name, str(error), "see docs/production.md for the forms of the address")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await cache.get("ss:doctor")
    except CACHE_ERRORS as error:
        text = _short(str(error) or "no answer")
        if any(word in text.lower() for word in _REDIS_DENIES):
            return Trouble(name, f"Redis refuses us: {text}", "check the password in the address")
        if "certificate" in text.lower() and _ALERT not in text.lower():
            cause = f"Redis's certificate is not trusted: {text}"
            return Trouble(name, cause, "set ?ssl_ca_certs= in the address to who signed it")
        wants = "TLS (rediss://)"
        if endpoints.redis_url.get_secret_value().startswith("rediss"):
            wants = "a certificate of ours (?ssl_certfile=…&ssl_keyfile=…)"
        return Trouble(name, f"Redis does not answer: {text}",
                       f"check the address, and whether it wants {wants}")  # fmt: skip
    finally:
        await cache.aclose()
    return None


def _of_broker(endpoints: Endpoints, address: str, error: Exception) -> Trouble:
    name, protocol = "KAFKA_URL", endpoints.kafka_security_protocol
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = f"the certificate of {address} is not trusted: {error.verify_message}"
        return Trouble(name, cause, "set KAFKA_TLS_CA to who signed the brokers' certificates")
    if isinstance(error, ssl.SSLError):
        cause = f"{address} does not speak TLS, or wants a certificate of ours: {error.reason}"
        fix = "check KAFKA_SECURITY_PROTOCOL and the port; set KAFKA_TLS_CERTIFICATE and _KEY"
        return Trouble(name, cause, fix)
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        cause = f"{address} refuses KAFKA_USERNAME and KAFKA_PASSWORD"
        fix = f"check both, and that the user is made for {endpoints.kafka_sasl_mechanism}"
        return Trouble(name, cause, fix)
    if isinstance(error, UnsupportedSaslMechanismError):
        cause = f"{address} does not offer {endpoints.kafka_sasl_mechanism}"
        return Trouble(name, cause, "set KAFKA_SASL_MECHANISM to one that it offers")
    if isinstance(error, KafkaError | TimeoutError | ConnectionResetError | BrokenPipeError):
        cause = f"{address} takes the connection and does not answer {protocol}"
        fix = "check KAFKA_SECURITY_PROTOCOL and that the port is that listener's"
        if endpoints.kafka_tls:
            fix += ", and whether it wants a certificate of ours: KAFKA_TLS_CERTIFICATE and _KEY"
        return Trouble(name, cause, fix)
    return Trouble(name, f"{address} cannot be reached: {error}",
                   "start it, or correct the address")  # fmt: skip


async def _brokers(host: str, port: int, settings: dict[str, Any]) -> list[tuple[str, int]]:
    """Where this one says that all of them are: a broker that wants a password answers a mere
    connection too. Raises KafkaError, OSError, TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        connection = await create_conn(host, port, **settings)
        try:
            told = await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    return [(str(row[1]), int(row[2])) for row in told.brokers]


async def _of_cluster(
    endpoints: Endpoints, brokers: list[tuple[str, int]], settings: dict[str, Any]
) -> Trouble | None:
    """Clients go on to the addresses that brokers tell of themselves, and topics want so many."""
    if len(brokers) < endpoints.kafka_replication:
        cause = f"KAFKA_REPLICATION={endpoints.kafka_replication}, and the cluster has "
        fix = f"set KAFKA_REPLICATION={len(brokers)}, or start more brokers"
        return Trouble("KAFKA_URL", f"{cause}{len(brokers)}", fix)
    for host, port in brokers:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await _brokers(host, port, settings)
            return None
    told = ", ".join(f"{host}:{port}" for host, port in brokers)
    cause = f"Kafka answers, but not at the addresses that it tells of itself: {told}"
    return Trouble("KAFKA_URL", cause, "correct the brokers' advertised.listeners")


def _short(text: str) -> str:
    """PyMongo tells the same of every member, redis-py how its Sentinels were opened."""
    return text.split(", Timeout:")[0].split(" : <")[0][:300]


Ask = Callable[[Endpoints], Coroutine[Any, Any, Trouble | None]]
ASKS: dict[str, Ask] = {"KAFKA_URL": kafka, "DATABASE_URL": mongodb, "REDIS_URL": redis}
