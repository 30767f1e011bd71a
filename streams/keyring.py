"""Secrets at rest: AES-256-GCM, with the key outside the database.

Each sealed value is bound to its place (organisation, integration, name, key), so a blob moved to
another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_FILE = "secret.key"


class KeyringError(Exception):
    """The key or a sealed secret is unusable. Trying again does not help; the text says what
    does."""


class Keyring:
    """Seals with the first key, opens with any: put a new key in front to rotate. `again` reads the
    keys anew where one is missing: a key file may have got a newer one meanwhile."""

    def __init__(
        self, keys: Sequence[bytes], again: Callable[[], Sequence[bytes]] | None = None
    ) -> None:
        self._again = again
        self._take(keys)

    def _take(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise KeyringError(
                f"SMARTSTORE_SECRET_KEY must be {KEY_BYTES} bytes in base64 or hex; make one with "
                "`openssl rand -base64 32`"
            )
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    @property
    def newest(self) -> str:
        """Id of the key that new secrets are sealed with."""
        return self._newest

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys that are here."""
        return tuple(self._ciphers)

    def seal(self, plain: str, *, organization_id: str, record: str, name: str) -> dict[str, Any]:
        """`{keyId, nonce, ciphertext}` for the database."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        place = _place(organization_id, record, name, self._newest)
        ciphertext = self._ciphers[self._newest].encrypt(nonce, plain.encode(), place)
        return {"keyId": self._newest, "nonce": nonce, "ciphertext": ciphertext}

    def open(
        self, sealed: Mapping[str, Any], *, organization_id: str, record: str, name: str
    ) -> str:
        """The secret again. Raises KeyringError when the key is missing or the blob was moved."""
        key_id = str(sealed.get("keyId", ""))
        if key_id not in self._ciphers and self._again is not None:
            self._take(self._again())
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeyringError(
                f"{name} of {record} was sealed with key {key_id}, which is not here: add that key "
                "to SMARTSTORE_SECRET_KEY (comma separated, newest first) or enter the secret again"
            )
        place = _place(organization_id, record, name, key_id)
        try:
            return cipher.decrypt(sealed["nonce"], sealed["ciphertext"], place).decode()
        except (InvalidTag, KeyError, TypeError, ValueError) as error:
            raise KeyringError(
                f"{name} of {record} does not open: it was altered or moved; enter it again"
            ) from error


def open_keyring(environment: Mapping[str, str], home: Path) -> Keyring:
    """From SMARTSTORE_SECRET_KEY (`key[,older key]`), else from `<home>/secret.key`, which is made
    on first use, readable by its owner only."""
    given = environment.get("SMARTSTORE_SECRET_KEY", "").strip()
    if given:
        return Keyring(_keys(given))
    path = home / KEY_FILE
    return Keyring(_keys(_key_file(path)), lambda: _keys(_key_file(path)))


def new_key(home: Path) -> str:
    """Put a new key in front of those of the key file, at once or not at all; its id."""
    path, made = home / KEY_FILE, secrets.token_bytes(KEY_BYTES)
    _write_keys(path, [made, *_keys(_key_file(path))])
    return _key_id(made)


def drop_key(home: Path, key_id: str) -> None:
    """Take a key out of the key file. Raises KeyringError where it is not there, or the newest."""
    path = home / KEY_FILE
    keys = _keys(_key_file(path))
    if key_id not in map(_key_id, keys):
        raise KeyringError(f"there is no key {key_id} in {path}")
    if key_id == _key_id(keys[0]):
        raise KeyringError(f"{key_id} is the newest key: secrets are sealed with it")
    _write_keys(path, [key for key in keys if _key_id(key) != key_id])


def _write_keys(path: Path, keys: Sequence[bytes]) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(",".join(base64.b64encode(key).decode() for key in keys) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _keys(text: str) -> list[bytes]:
    return [_decode(part) for part in text.split(",") if part.strip()]


def _key_file(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: of several processes one wins and none reads half a key.
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_text()


def _decode(text: str) -> bytes:
    text = text.strip()
    try:
        return bytes.fromhex(text) if len(text) == KEY_BYTES * 2 else base64.b64decode(text)
    except (ValueError, binascii.Error) as error:
        raise KeyringError(
            "SMARTSTORE_SECRET_KEY is neither base64 nor hex; make one with "
            "`openssl rand -base64 32`"
        ) from error


def _key_id(key: bytes) -> str:
    return sha256(b"smartstore key id" + key).hexdigest()[:8]


def _place(organization_id: str, record: str, name: str, key_id: str) -> bytes:
    return "|".join((organization_id, record, name, key_id)).encode()
