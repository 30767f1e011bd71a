"""The history of what runs here, opened for a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.errors import SmartStoreError
from runtime.here import Here
from streams.archive.joined import Sources
from streams.archive.location import LocationInvalid
from streams.archive.opening import open_sources as opened
from streams.keyring import KeyringError


@asynccontextmanager
async def open_sources(found: Here) -> AsyncIterator[Sources]:
    """Raises SmartStoreError."""
    try:
        async with opened(found.endpoints(), found.environment, found.home) as sources:
            yield sources
    except LocationInvalid as error:
        raise SmartStoreError(str(error), fix="SMARTSTORE_ARCHIVE_URL in .env") from error
    except KeyringError as error:
        raise SmartStoreError(str(error), fix="smartstore doctor") from error
