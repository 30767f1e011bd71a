"""How another terminal finds a running demo: one file in its folder, readable by its user only."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pymongo import AsyncMongoClient

from runtime.convergence import Places
from runtime.demo.merchant import Merchant
from runtime.lock import HomeLock
from runtime.settings import default_home, load_environment
from sandbox.client import SandboxClient, ShopAccess


def demo_home() -> Path:
    """`.smartstore/demo` beside the product's own data; below SMARTSTORE_HOME where that is set."""
    configured = load_environment().get("SMARTSTORE_HOME")
    if configured:
        return Path(configured).expanduser().resolve() / "demo"
    return default_home().parent / "demo"


class Handle(BaseModel):
    """Who and where the demo's merchant is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    pid: int
    url: str
    api_key: str
    shop: ShopAccess
    number: str
    places: Places

    @classmethod
    def of(cls, merchant: Merchant, url: str) -> Handle:
        """Of this process's merchant."""
        return cls(
            pid=os.getpid(),
            url=url,
            api_key=merchant.api_key,
            shop=merchant.shop,
            number=merchant.number,
            places=merchant.places,
        )

    def write(self, home: Path) -> None:
        """Whole or not at all; it holds keys of the sandbox."""
        path = _path(home)
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(self.model_dump_json(by_alias=True))
        fresh.replace(path)


def read_handle(home: Path) -> Handle | None:
    """The demo that runs in `home` now; None when none does or it only begins."""
    holder = HomeLock(home).holder()
    if holder is None:
        return None
    try:
        found = Handle.model_validate_json(_path(home).read_text())
    except (OSError, ValidationError):
        return None
    return found if found.pid == holder else None


def clear_handle(home: Path) -> None:
    """At the end of a run."""
    _path(home).unlink(missing_ok=True)


def _path(home: Path) -> Path:
    return home / "run" / "demo.json"


@asynccontextmanager
async def attached(handle: Handle) -> AsyncIterator[Merchant]:
    """The demo's merchant, from another process."""
    async with AsyncExitStack() as opened:
        sandbox = await opened.enter_async_context(SandboxClient.open(handle.places.sandbox_url))
        web = await opened.enter_async_context(
            httpx.AsyncClient(base_url=handle.url, timeout=30, trust_env=False)
        )
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            handle.places.database_url, tz_aware=True
        )
        opened.push_async_callback(client.close)
        yield Merchant(
            organization_id=handle.places.organization_id,
            api_key=handle.api_key,
            shop=handle.shop,
            number=handle.number,
            places=handle.places,
            sandbox=sandbox,
            database=client.get_default_database(),
            web=web,
        )
