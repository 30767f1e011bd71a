"""Where the files are: a folder, or a bucket of an S3-compatible store.

`s3://[key:secret@]bucket/prefix?endpoint=http://host:9000&region=eu-west-1`; without key and secret
those of the environment are used (AWS_ACCESS_KEY_ID, an instance's role). Reads and writes block:
call them from a thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pyarrow import fs

PART = ".part"
"""The end of a name while its file is being written."""
FOLDER = "archive"


class LocationInvalid(ValueError):
    """SMARTSTORE_ARCHIVE_URL is not understood. The text says what would be."""


@dataclass(frozen=True)
class Location:
    """A file system and a folder in it."""

    name: str
    """As people and the manifest know it: no secrets, and the same after the folder was moved."""
    files: fs.FileSystem
    root: str
    local: bool

    def path(self, name: str) -> str:
        """The whole path of one file."""
        return f"{self.root}/{name}"

    def uri(self, name: str) -> str:
        """For other readers: a path, or `s3://bucket/...`."""
        return self.path(name) if self.local else f"s3://{self.path(name)}"

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """A file to write into. It is there, whole and durable, once this ends; after an error it
        is not there. Raises OSError."""
        path = self.path(name)
        if not self.local:
            stream = self.files.open_output_stream(path)
            try:
                yield stream
                stream.close()
            except BaseException:
                with contextlib.suppress(OSError):
                    stream.close()
                    self.remove(name)
                raise
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        part = f"{path}.{secrets.token_hex(4)}{PART}"
        try:
            with open(part, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            _sync(Path(path).parent)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise

    def remove(self, name: str) -> None:
        """Gone, also if it was not there. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self.files.delete_file(self.path(name))

    def listed(self) -> list[tuple[str, float]]:
        """Every file's name with the time of its last change (seconds since 1970)."""
        chosen = fs.FileSelector(self.root, allow_not_found=True, recursive=True)
        return [
            (info.path[len(self.root) + 1 :], info.mtime.timestamp() if info.mtime else 0.0)
            for info in self.files.get_file_info(chosen)
            if info.type == fs.FileType.File
        ]

    def free_mb(self) -> float | None:
        """Room on the disk, None where there is no telling."""
        if not self.local:
            return None
        folder = Path(self.root)
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free / 1e6


def locate(url: str, home: Path) -> Location:
    """The location that SMARTSTORE_ARCHIVE_URL names; `home` is where we keep our own. Raises
    LocationInvalid."""
    if not url:
        return Location("home", fs.LocalFileSystem(), str((home / FOLDER).absolute()), True)
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _bucket(url)
    if parts.scheme in ("", "file"):
        folder = Path(parts.path).expanduser().absolute()
        return Location(f"file:{folder}", fs.LocalFileSystem(), str(folder), True)
    raise LocationInvalid(
        "SMARTSTORE_ARCHIVE_URL must be a folder, or s3://bucket/prefix?endpoint=https://host"
    )


def _bucket(url: str) -> Location:
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = given.keys() - {"endpoint", "region"}
    if not parts.hostname or unknown:
        what = f"does not know {', '.join(sorted(unknown))}" if unknown else "names no bucket"
        raise LocationInvalid(
            f"SMARTSTORE_ARCHIVE_URL {what}: s3://bucket/prefix?endpoint=&region="
        )
    options: dict[str, Any] = {"request_timeout": 30, "connect_timeout": 5}
    if parts.username:
        options["access_key"] = unquote(parts.username)
        options["secret_key"] = unquote(parts.password or "")
    if endpoint := given.get("endpoint"):
        at = urlsplit(endpoint if "//" in endpoint else f"https://{endpoint}")
        options["endpoint_override"] = at.netloc
        options["scheme"] = at.scheme
    options["region"] = given.get("region", "us-east-1")
    bucket = parts.netloc.rpartition("@")[2]
    root = f"{bucket}/{parts.path.strip('/')}".rstrip("/")
    return Location(f"s3://{root}", fs.S3FileSystem(**options), root, False)


def _sync(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
