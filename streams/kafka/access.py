"""How every client of ours reaches Kafka: the addresses, TLS, and who we are."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from schemas.settings import Endpoints

_PEM = "-----BEGIN"


class BadCertificate(ValueError):
    """KAFKA_TLS_CA, _CERTIFICATE or _KEY cannot be used. The text says which and why."""


def client_settings(endpoints: Endpoints) -> dict[str, Any]:
    """What aiokafka's producers, consumers and admin clients have in common. Raises
    BadCertificate."""
    return {"bootstrap_servers": endpoints.bootstrap, **connection_settings(endpoints)}


def connection_settings(endpoints: Endpoints) -> dict[str, Any]:
    """The same for one bare connection. Raises BadCertificate."""
    found: dict[str, Any] = {
        "security_protocol": endpoints.kafka_security_protocol,
        "ssl_context": tls_context(endpoints),
    }
    if endpoints.kafka_sasl:
        found |= {
            "sasl_mechanism": endpoints.kafka_sasl_mechanism,
            "sasl_plain_username": endpoints.kafka_username,
            "sasl_plain_password": endpoints.kafka_password.get_secret_value(),
        }
    return found


def tls_context(endpoints: Endpoints) -> ssl.SSLContext | None:
    """None without TLS. Host names are checked, always. Raises BadCertificate."""
    if not endpoints.kafka_tls:
        return None
    authority, certificate = endpoints.kafka_tls_ca, endpoints.kafka_tls_certificate
    key = endpoints.kafka_tls_key.get_secret_value()
    name = "KAFKA_TLS_CA"
    try:
        if authority.startswith(_PEM):
            context = ssl.create_default_context(cadata=authority)
        else:
            context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            name = "KAFKA_TLS_CERTIFICATE or KAFKA_TLS_KEY"
            with _as_file(certificate) as chain, _as_file(key) as private:
                context.load_cert_chain(chain, private or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BadCertificate(f"{name} cannot be used: {error}") from error
    return context


@contextmanager
def _as_file(value: str) -> Iterator[str]:
    """The path itself, or one that holds the PEM text meanwhile: OpenSSL reads chains from files
    only."""
    if not value.startswith(_PEM):
        yield value
        return
    descriptor, path = tempfile.mkstemp(suffix=".pem")  # readable by us alone
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(value)
        yield path
    finally:
        os.unlink(path)
