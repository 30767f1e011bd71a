"""Secrets from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.settings import SecretFileError, read_secret_files


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
