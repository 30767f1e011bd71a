"""The one list of couriers: four carriers, and every profile shipped with the product."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.couriers.generic import ProfileCourier, load_profile
from connectors.couriers.protocol import Courier
from connectors.protocol import Connection

CARRIERS: dict[str, str] = {
    code: f"connectors.couriers.{code}" for code in ("aramex", "dhl", "fedex", "ups")
}
"""Code to the package that exports `COURIER`."""
PROFILES = Path(__file__).parent / "profiles"
SUFFIX = ".profile.json"


class UnknownCourier(LookupError):
    """No courier has this code."""


def couriers() -> tuple[str, ...]:
    """Every courier's code, the carriers first."""
    shipped = sorted(path.name.removesuffix(SUFFIX) for path in PROFILES.glob(f"*{SUFFIX}"))
    return (*CARRIERS, *shipped)


@lru_cache(maxsize=256)
def courier(code: str) -> Courier[Any]:
    """The courier. Raises UnknownCourier."""
    if code in CARRIERS:
        found: Courier[Any] = import_module(CARRIERS[code]).COURIER
        return found
    if code not in couriers():
        raise UnknownCourier(f"no courier is called {code!r}; known: {', '.join(couriers())}")
    path = PROFILES / f"{code}{SUFFIX}"
    return ProfileCourier(load_profile(path.read_text(encoding="utf-8"), path.name))


def courier_of(connection: Connection) -> Courier[Any]:
    """The connection's courier: of the profile it brings itself, else by its code. Raises
    UnknownCourier, BadProfile."""
    own = connection.settings.get("profile")
    if own:
        return ProfileCourier(load_profile(own))
    return courier(connection.settings.get("courier", ""))
