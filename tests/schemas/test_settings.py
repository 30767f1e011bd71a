"""Secrets from files, and what belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.settings import Endpoints, SecretFileError, read_secret_files


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("EAAG\n")
    environment = {"WHATSAPP_ACCESS_TOKEN_FILE": str(path)}
    read_secret_files(environment)
    assert environment["WHATSAPP_ACCESS_TOKEN"] == "EAAG"


def test_what_is_set_stays_and_what_is_not_ours_is_left(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text("from the file")
    environment = {
        "DATABASE_URL": "mongodb://set",
        "DATABASE_URL_FILE": str(path),
        "SSL_CERT_FILE": str(path),
        "REDIS_URL_FILE": "",
    }
    before = dict(environment)
    read_secret_files(environment)
    assert environment == before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    with pytest.raises(SecretFileError, match=r"SMARTSTORE_SECRET_KEY_FILE=.*none cannot be read"):
        read_secret_files({"SMARTSTORE_SECRET_KEY_FILE": path})


def test_several_brokers_with_or_without_a_scheme() -> None:
    found = Endpoints.of({"KAFKA_URL": "kafka://a.example:9092, kafka://b.example:9093,c:9094"})
    assert found.bootstrap == ["a.example:9092", "b.example:9093", "c:9094"]
    assert not found.kafka_tls
    assert not found.kafka_sasl


def test_an_empty_variable_counts_as_not_set() -> None:
    found = Endpoints.of({"KAFKA_PARTITIONS": "", "KAFKA_SECURITY_PROTOCOL": ""})
    assert (found.kafka_partitions, found.kafka_security_protocol) == (4, "PLAINTEXT")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "shop"}, "KAFKA_PASSWORD"),
        ({"KAFKA_USERNAME": "shop", "KAFKA_PASSWORD": "hush"}, "set SASL_SSL"),
        ({"KAFKA_TLS_CA": "/ca.pem"}, "set SSL or SASL_SSL"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "SCRAM-SHA-512"),
    ],
)
def test_half_of_what_is_needed_is_refused_without_its_secrets(
    environment: dict[str, str], told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Endpoints.of(environment)
    assert told in str(refused.value)
    assert "hush" not in str(refused.value)
