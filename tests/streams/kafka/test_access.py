"""TLS and names for Kafka's clients. Real brokers: tests/integration/test_clusters.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.servers.certificates import make_authority
from schemas.settings import Endpoints
from streams.app import create_app
from streams.kafka.access import BadCertificate, client_settings

SASL = {"KAFKA_USERNAME": "shop", "KAFKA_PASSWORD": "safe"}


def test_plain_kafka_needs_nothing() -> None:
    assert client_settings(Endpoints.of({"KAFKA_URL": "a:1,b:2"})) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_sasl_over_tls_with_files_or_their_text(tmp_path: Path) -> None:
    issued = make_authority(tmp_path).issue("client")
    files = {
        "KAFKA_TLS_CA": str(issued.authority),
        "KAFKA_TLS_CERTIFICATE": str(issued.certificate),
        "KAFKA_TLS_KEY": str(issued.key),
    }
    texts = {name: Path(path).read_text() for name, path in files.items()}
    for given in (files, texts):
        environment = {**given, **SASL, "KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}
        found = client_settings(Endpoints.of(environment))
        assert found["sasl_mechanism"] == "SCRAM-SHA-512"
        assert (found["sasl_plain_username"], found["sasl_plain_password"]) == ("shop", "safe")
        (trusted,) = found["ssl_context"].get_ca_certs()
        assert trusted["subject"] == ((("commonName", "SmartStore trial authority"),),)
        assert found["ssl_context"].check_hostname


@pytest.mark.parametrize("value", ["/nowhere/ca.pem", "-----BEGIN CERTIFICATE-----\nnone"])
def test_a_certificate_that_is_none_is_named(value: str) -> None:
    environment = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_TLS_CA": value}
    with pytest.raises(BadCertificate, match="KAFKA_TLS_CA cannot be used"):
        client_settings(Endpoints.of(environment))


def credentials(environment: dict[str, str]) -> Any:
    return create_app("t", Endpoints.of(environment)).conf.broker_credentials


def test_faust_is_told_the_same() -> None:
    given = credentials({**SASL, "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"})
    assert given.protocol.value == "SASL_PLAINTEXT"
    assert (given.mechanism.value, given.username, given.password) == (
        "SCRAM-SHA-512",
        "shop",
        "safe",
    )
    assert credentials({"KAFKA_SECURITY_PROTOCOL": "SSL"}).protocol.value == "SSL"
    assert credentials({}) is None
