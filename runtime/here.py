"""What a command looks into: the system that runs here (`up`, then `demo`), else the configured
one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import state
from runtime.settings import RuntimeSettings, load_environment

if TYPE_CHECKING:
    from schemas.settings import Endpoints


@dataclass(frozen=True)
class Here:
    """Where it is, and whose it is."""

    environment: Mapping[str, str]
    home: Path
    """The folder with its key file."""
    organization_id: str
    """The demo's own, else the default one."""

    def endpoints(self) -> Endpoints:
        """Its servers."""
        from schemas.settings import Endpoints  # late: other commands start faster

        return Endpoints.of(self.environment)


def here() -> Here:
    """Found by the files that a running system leaves in its folder."""
    from runtime.demo.handle import demo_home, read_handle
    from streams.directory import DEFAULT_ORGANIZATION

    environment = load_environment()
    home = RuntimeSettings.load(environment).home
    running = state.read(home)
    if running is not None:
        return Here({**environment, **running.environment}, home, DEFAULT_ORGANIZATION)
    demo = state.read(demo_home())
    if demo is None:
        return Here(environment, home, DEFAULT_ORGANIZATION)
    handle = read_handle(demo_home())
    organization_id = handle.places.organization_id if handle else DEFAULT_ORGANIZATION
    return Here({**environment, **demo.environment}, demo_home(), organization_id)
