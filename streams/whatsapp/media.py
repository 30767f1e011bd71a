"""Files that customers send, fetched to storage: `ss_media`, and `media/<organisation>/` in our
home folder. Never in a request: Meta's answer to a webhook waits for nothing.

    {_id: "org/message entity", organizationId, replica, thread, messageId, mediaId, kind, mimeType,
     sha256, filename, state, size, reason, attempts, nextMs, atMs}

States: wanted, kept, failed.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import structlog
from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import PyMongoError

from connectors.errors import ConnectorError, Paused, Refused
from connectors.network import way_out
from connectors.protocol import Connection
from connectors.whatsapp.contents import MEDIA
from connectors.whatsapp.graph import CONNECTIONS
from connectors.whatsapp.media import Fetched, MediaClient
from connectors.whatsapp.settings import account_of
from schemas.clock import unix_ms
from streams.database import Database, Document

log = structlog.get_logger(__name__)

COLLECTION = "ss_media"
WAITS_S = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""After the first, second, ... failure; Meta keeps files for 30 days."""
BUSY_MS = 180_000
LOOK_S = 1.0
SHOWN_INLINE = frozenset(("image/jpeg", "image/png", "image/webp"))
PLAYED = frozenset(
    ("audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "video/mp4", "video/3gpp")
)
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes."""

    most: int = 16 * 1024 * 1024
    documents: int = 100 * 1024 * 1024

    def of(self, kind: str) -> int:
        """What a file of this kind may have."""
        return self.documents if kind == "document" else self.most


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is here."""

    path: Path
    mime_type: str
    filename: str
    sha256: str


class Media:
    """The rows and the folder. Errors: PyMongoError, OSError."""

    def __init__(
        self,
        database: Database,
        home: Path,
        clock_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self._rows = database[COLLECTION]
        self._folder = home / "media"
        self._clock_ms = clock_ms

    async def kept(self, organization_id: str, thread: str, message_id: str) -> Kept | None:
        """The file of a message, where it has been fetched. None for another conversation's."""
        row = await self._rows.find_one({"_id": f"{organization_id}/{message_id}", "state": "kept"})
        if row is None or row["organizationId"] != organization_id or row["thread"] != thread:
            return None
        path = self._path(organization_id, row["sha256"])
        return Kept(path, row["mimeType"], row["filename"], row["sha256"])

    async def claim(self) -> Document | None:
        """A file that is to be fetched now; for a while this asker's."""
        now_ms = self._clock_ms()
        return await self._rows.find_one_and_update(
            {"state": "wanted", "nextMs": {"$lte": now_ms}},
            {"$set": {"nextMs": now_ms + BUSY_MS}, "$inc": {"attempts": 1}},
            sort=[("nextMs", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )

    async def keep(self, row: Document, found: Fetched) -> None:
        """Write the file, then say that it is there. Files are named by their content."""
        path = self._path(row["organizationId"], found.sha256)
        await asyncio.to_thread(_write, path, found.content)
        mime = found.mime_type.partition(";")[0].strip().lower()
        changes = {
            "state": "kept",
            "reason": "",
            "size": len(found.content),
            "sha256": found.sha256,
            "mimeType": mime if _MIME.fullmatch(mime) else "application/octet-stream",
        }
        await self._rows.update_one({"_id": row["_id"]}, {"$set": changes})

    async def later(self, row: Document, reason: str) -> None:
        """Try again, ever later; after the last time it has failed."""
        attempts = row["attempts"]
        if attempts > len(WAITS_S):
            await self.failed(row, reason)
            return
        next_ms = self._clock_ms() + 1000 * WAITS_S[attempts - 1]
        changes = {"reason": reason[:300], "nextMs": next_ms}
        await self._rows.update_one({"_id": row["_id"]}, {"$set": changes})

    async def failed(self, row: Document, reason: str) -> None:
        """It will not be fetched."""
        changes = {"state": "failed", "reason": reason[:300]}
        await self._rows.update_one({"_id": row["_id"]}, {"$set": changes})

    async def forget(self, organization_id: str, message_ids: Collection[str]) -> int:
        """Remove the files of these messages for good; how many. A file that somebody else sent as
        well stays theirs."""
        mine = {"_id": {"$in": [f"{organization_id}/{name}" for name in message_ids]}}
        rows = await self._rows.find(mine).to_list()
        await self._rows.delete_many(mine)
        digests = {row["sha256"] for row in rows if row["state"] == "kept"}
        for digest in digests:
            same = {"organizationId": organization_id, "sha256": digest}
            if await self._rows.find_one(same) is None:
                path = self._path(organization_id, digest)
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return len(rows)

    def _path(self, organization_id: str, digest: str) -> Path:
        # A name of our own making: nothing that anybody sent is part of it.
        return self._folder / sha256(organization_id.encode()).hexdigest()[:16] / digest[:64]


async def want(
    database: Database,
    organization_id: str,
    replica: str,
    message_id: str,
    fields: Mapping[str, Any],
    now_ms: int,
) -> None:
    """Have the file of a message fetched, where it has one. The same again changes nothing."""
    media, kind = fields.get("media"), str(fields.get("type"))
    if kind not in MEDIA or not isinstance(media, Mapping) or not media.get("id"):
        return
    row = {
        "organizationId": organization_id,
        "replica": replica,
        "thread": str(fields.get("conversationId") or ""),
        "messageId": message_id,
        "mediaId": str(media["id"]),
        "kind": kind,
        "mimeType": str(media.get("mimeType") or ""),
        "sha256": str(media.get("sha256") or ""),
        "filename": str(media.get("filename") or "")[:200],
        "state": "wanted",
        "size": 0,
        "reason": "",
        "attempts": 0,
        "nextMs": now_ms,
        "atMs": now_ms,
    }
    place = {"_id": f"{organization_id}/{message_id}"}
    await database[COLLECTION].update_one(place, {"$setOnInsert": row}, upsert=True)


class Connections(Protocol):
    """`streams.directory.Directory`."""

    async def connection(self, organization_id: str, replica: str) -> Connection | None:
        """None when there is none of this name."""
        ...


class Fetching:
    """Fetches what is wanted, one at a time. `transport` replaces the network in tests."""

    def __init__(
        self,
        media: Media,
        connections: Connections,
        limits: Limits,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._media = media
        self._connections = connections
        self._limits = limits
        self._transport = transport

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                worked = await self.once()
            except (PyMongoError, OSError) as error:
                log.warning("files of customers wait", reason=type(error).__name__)
                worked = False
            if not worked:
                await asyncio.sleep(LOOK_S)

    async def once(self) -> bool:
        """One file; False where nothing is to be done now. Errors: PyMongoError, OSError."""
        row = await self._media.claim()
        if row is None:
            return False
        connection = await self._connections.connection(row["organizationId"], row["replica"])
        if connection is None:
            await self._media.failed(row, "the connection was removed")
            return True
        try:
            way = self._transport or way_out(connection.networks, CONNECTIONS)
            client = MediaClient(account_of(connection), way)
        except Paused as error:
            await self._media.later(row, str(error))
            return True
        try:
            limit = self._limits.of(row["kind"])
            found = await client.fetch(row["mediaId"], limit, row["sha256"])
        except Refused as error:
            # Paused is a Refused that a person can mend.
            keep_trying = isinstance(error, Paused)
            await (self._media.later if keep_trying else self._media.failed)(row, str(error))
        except ConnectorError as error:
            await self._media.later(row, str(error))
        else:
            await self._media.keep(row, found)
        finally:
            await client.close()
        return True


def served_as(found: Kept) -> tuple[bytes, dict[str, str]]:
    """The file's bytes, and headers with which no browser runs anything of it. Raises OSError."""
    inline = found.mime_type in SHOWN_INLINE
    known = inline or found.mime_type in PLAYED or found.mime_type == "application/pdf"
    name = found.filename or f"file-{found.sha256[:8]}"
    disposition = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}"
    return found.path.read_bytes(), {
        "content-type": found.mime_type if known else "application/octet-stream",
        "content-disposition": disposition,
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=3600",
    }


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; readable by us alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    draft.replace(path)
