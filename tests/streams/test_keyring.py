"""Secrets open only where they were put, with the key they were put with."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from streams.keyring import Keyring, KeyringError, open_keyring

OLD, NEW = b"o" * 32, b"n" * 32
PLACE = {"organization_id": "kandy", "record": "r1", "name": "access_token"}


def test_a_sealed_secret_opens_in_its_place() -> None:
    ring = Keyring([OLD])
    sealed = ring.seal("EAAG-secret", **PLACE)
    assert b"EAAG" not in sealed["ciphertext"]
    assert ring.open(sealed, **PLACE) == "EAAG-secret"


def test_the_same_secret_twice_looks_different() -> None:
    ring = Keyring([OLD])
    assert ring.seal("x", **PLACE)["ciphertext"] != ring.seal("x", **PLACE)["ciphertext"]


@pytest.mark.parametrize("moved", ["organization_id", "record", "name"])
def test_a_blob_moved_elsewhere_does_not_open(moved: str) -> None:
    ring = Keyring([OLD])
    sealed = ring.seal("EAAG-secret", **PLACE)
    with pytest.raises(KeyringError, match="altered or moved"):
        ring.open(sealed, **{**PLACE, moved: "other"})


def test_a_flipped_bit_does_not_open() -> None:
    ring = Keyring([OLD])
    sealed = ring.seal("EAAG-secret", **PLACE)
    sealed["ciphertext"] = bytes([sealed["ciphertext"][0] ^ 1]) + sealed["ciphertext"][1:]
    with pytest.raises(KeyringError):
        ring.open(sealed, **PLACE)


def test_rotation_reads_old_and_writes_new() -> None:
    sealed = Keyring([OLD]).seal("EAAG-secret", **PLACE)
    rotated = Keyring([NEW, OLD])
    assert rotated.open(sealed, **PLACE) == "EAAG-secret"
    assert rotated.seal("x", **PLACE)["keyId"] == rotated.newest != sealed["keyId"]
    with pytest.raises(KeyringError, match="comma separated, newest first"):
        Keyring([NEW]).open(sealed, **PLACE)


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    first = open_keyring({}, tmp_path / "home")
    second = open_keyring({}, tmp_path / "home")
    assert first.newest == second.newest
    file = tmp_path / "home" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    given = f"{base64.b64encode(NEW).decode()},{OLD.hex()}"
    ring = open_keyring({"SMARTSTORE_SECRET_KEY": given}, tmp_path)
    assert ring.newest == Keyring([NEW]).newest
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bad", ["short", "!!!", base64.b64encode(b"x" * 16).decode()])
def test_a_bad_key_says_how_to_make_a_good_one(bad: str, tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="openssl rand -base64 32"):
        open_keyring({"SMARTSTORE_SECRET_KEY": bad}, tmp_path)
