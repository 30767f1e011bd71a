"""Files that customers sent: an address for five minutes, and the bytes for who has the token."""

import base64
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sandbox.http import Answer, Call
from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.number import Number

Record = dict[str, Any]

LIVES_S = 300.0


@dataclass(slots=True)
class File:
    content: bytes
    mime_type: str
    addresses: dict[str, float]
    """Of each that was given out: when."""


class Files:
    """All numbers' files, by their ids."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, File]] = {}

    def add(self, number: Number, content: bytes, mime_type: str) -> Record:
        """As a webhook tells of it: the digest in base64."""
        media_id = str(secrets.randbelow(9 * 10**15) + 10**15)
        self._held[media_id] = number.id, File(content, mime_type, {})
        digest = base64.b64encode(sha256(content).digest()).decode()
        return {"id": media_id, "mime_type": mime_type, "sha256": digest}

    def owner(self, media_id: str) -> str | None:
        """The number that it was sent to."""
        found = self._held.get(media_id)
        return found[0] if found else None

    def told(self, number: Number, media_id: str, call: Call, version: str) -> Record:
        """`GET /{id}`: here the digest is hexadecimal."""
        file = self._held[media_id][1]
        key = secrets.token_urlsafe(12)
        file.addresses[key] = number.clock.now()
        host = (call.header(b"host") or "localhost").strip()
        return {
            "messaging_product": "whatsapp",
            "url": f"{call.scheme}://{host}/{version}/{media_id}/content/{key}",
            "mime_type": file.mime_type,
            "sha256": sha256(file.content).hexdigest(),
            "file_size": len(file.content),
            "id": media_id,
        }

    def content(self, number: Number, media_id: str, key: str) -> Answer:
        """The bytes, while the address lives."""
        file = self._held[media_id][1]
        given_at = file.addresses.get(key)
        if given_at is None or number.clock.now() - given_at > LIVES_S:
            raise GraphError(100, message="URL signature expired", status=404)
        return Answer(200, file.content, [(b"content-type", file.mime_type.encode())])
