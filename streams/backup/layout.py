"""What a backup is made of: a folder named by its time, whose manifest is written last.

2026-11-22T03-00-00Z/mongodb/ss_links.bson.gz     documents, one after the other
2026-11-22T03-00-00Z/kafka/entities-changelog.bson.gz   {p, k, v, h} a record
2026-11-22T03-00-00Z/archive/...                   Parquet files as they are
2026-11-22T03-00-00Z/manifest.json                 without it there is no backup
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import IO, Any, cast

import bson
import msgspec

from schemas.topics import CONFLICTS, CONTEXTS, ENTITIES, Topic
from streams.archive.location import Location

VERSION = 1
MANIFEST = "manifest.json"
COMPACTED: tuple[Topic, ...] = (ENTITIES, CONTEXTS, CONFLICTS)
"""Topics that hold state. The others are on their way, or in the archive."""
NOT_KEPT = frozenset({"ss_checkpoints", "ss_sessions", "ss_tokens"})
"""Places in logs that a restored server does not have, and ways in."""
FLUSH_BYTES = 1 << 20


class BackupError(Exception):
    """A backup cannot be taken, read or restored. The text says why and what helps."""


class BackupFile(msgspec.Struct, frozen=True, rename="camel"):
    """One file; `items` are documents, records, or 1."""

    name: str
    bytes: int
    sha256: str
    items: int


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """Everything there is to know of a backup."""

    stamp: str
    taken_at_ms: int
    took_s: float
    files: list[BackupFile]
    indexes: dict[str, list[dict[str, Any]]]
    """Collection to its indexes, but for that of `_id`."""
    partitions: int
    epoch_floor: int
    """Above every epoch of the records: owners after a restore begin there."""
    key_ids: list[str]
    """Of the keys that secrets are sealed with."""
    snapshot: bool
    """MongoDB was read as of one moment. Else its collections may differ by seconds, which sync
    repairs by itself."""
    version: int = VERSION

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)


def backups(location: Location) -> list[str]:
    """Stamps of whole backups, newest first. Raises OSError."""
    ends = f"/{MANIFEST}"
    found = (name.removesuffix(ends) for name, _ in location.listed() if name.endswith(ends))
    return sorted((stamp for stamp in found if "/" not in stamp), reverse=True)


def read_manifest(location: Location, stamp: str) -> Manifest:
    """Raises BackupError."""
    try:
        with location.files.open_input_stream(location.path(f"{stamp}/{MANIFEST}")) as stream:
            found = msgspec.json.decode(stream.read(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"there is no backup {stamp} at {location.name}: {error}") from error
    if found.version > VERSION:
        raise BackupError(
            f"backup {stamp} was taken by a newer SmartStore (its format is {found.version}, "
            f"this one reads {VERSION}): update first"
        )
    return found


def remove(location: Location, stamp: str) -> None:
    """The manifest goes first: half a backup is none. Raises OSError."""
    location.remove(f"{stamp}/{MANIFEST}")
    for name, _ in location.listed():
        if name.startswith(f"{stamp}/"):
            location.remove(name)


class Sink:
    """Takes BSON documents into one compressed file."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._squeeze = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._waiting = io.BytesIO()
        self._sum = hashlib.sha256()
        self.bytes = 0
        self.items = 0

    async def put(self, document: bytes) -> None:
        """One whole document."""
        self.items += 1
        self._waiting.write(document)
        if self._waiting.tell() >= FLUSH_BYTES:
            await self._flush(last=False)

    async def end(self) -> None:
        """What is left."""
        await self._flush(last=True)

    def described(self, name: str) -> BackupFile:
        """For the manifest."""
        return BackupFile(name, self.bytes, self._sum.hexdigest(), self.items)

    async def _flush(self, *, last: bool) -> None:
        plain, self._waiting = self._waiting.getvalue(), io.BytesIO()
        await asyncio.to_thread(self._write, plain, last)

    def _write(self, plain: bytes, last: bool) -> None:
        squeezed = self._squeeze.compress(plain) + (self._squeeze.flush() if last else b"")
        self._sum.update(squeezed)
        self.bytes += len(squeezed)
        self._stream.write(squeezed)


@asynccontextmanager
async def writing(location: Location, name: str) -> AsyncIterator[Sink]:
    """A file of documents, there and whole once this ends. Raises OSError."""
    with location.writing(name) as stream:
        sink = Sink(stream)
        yield sink
        await sink.end()


def documents(location: Location, name: str) -> Iterator[dict[str, Any]]:
    """The documents of a file. Raises OSError, BackupError. Blocks: call it in a thread."""
    with (
        location.files.open_input_stream(location.path(name), compression=None) as stream,
        gzip.GzipFile(fileobj=stream) as plain,
    ):
        try:
            yield from bson.decode_file_iter(cast("IO[bytes]", plain))
        except (bson.errors.BSONError, EOFError, gzip.BadGzipFile) as error:
            raise BackupError(f"{name} is damaged: {error}") from error


def check(location: Location, stamp: str, file: BackupFile) -> None:
    """Read a file once and compare. Raises OSError, BackupError. Blocks."""
    found, size = hashlib.sha256(), 0
    with location.files.open_input_stream(
        location.path(f"{stamp}/{file.name}"), compression=None
    ) as stream:
        while piece := stream.read(FLUSH_BYTES):
            found.update(piece)
            size += len(piece)
    if found.hexdigest() != file.sha256:
        raise BackupError(
            f"{file.name} of backup {stamp} is damaged ({size} bytes, {file.bytes} were written): "
            "take another backup"
        )
