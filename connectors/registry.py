"""The one list of connectors. Loaded on first use: one that fails takes no other with it."""

from __future__ import annotations

from importlib import import_module

from connectors.protocol import Connector

PLATFORMS: dict[str, str] = {
    "mongodb": "connectors.mongodb",
    "woocommerce": "connectors.woocommerce",
    "whatsapp": "connectors.whatsapp",
    "courier": "connectors.couriers.connector",
}
"""Platform to the package that exports `CONNECTOR`."""

_loaded: dict[str, Connector] = {}


class UnknownPlatform(LookupError):
    """No connector has this name."""


def platforms() -> tuple[str, ...]:
    """Every platform's name."""
    return tuple(PLATFORMS)


def forget(platform: str) -> None:
    """Load it anew the next time (a test's stand-in)."""
    _loaded.pop(platform, None)


def connector(platform: str) -> Connector:
    """The platform's connector. Raises UnknownPlatform."""
    found = _loaded.get(platform)
    if found is None:
        package = PLATFORMS.get(platform)
        if package is None:
            raise UnknownPlatform(f"no connector is named {platform!r}")
        found = _loaded[platform] = import_module(package).CONNECTOR
    return found
