"""What a courier of a profile needs: whatever secrets and settings its file names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.couriers.generic.profile import Profile
from connectors.couriers.generic.templates import named_in, texts_in
from connectors.couriers.hosts import (
    BASE_URL,
    ENVIRONMENT,
    PER_DAY,
    PER_S,
    TIMEZONE,
    base_url,
    timezone,
)
from connectors.couriers.protocol import Field, missing
from connectors.errors import Paused
from connectors.protocol import Connection


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    base_url: str
    timezone: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def fields_of(profile: Profile) -> tuple[Field, ...]:
    """The fields to ask for, in the file's order."""
    named: dict[tuple[str, str], bool] = {}
    for path, optional in _named(profile):
        root, _, name = path.partition(".")
        if root in ("secret", "setting"):
            named[root, name] = named.get((root, name), True) and optional
    own = tuple(
        Field(name, _label(name), secret=root == "secret", required=not optional)
        for (root, name), optional in named.items()
    )
    address = BASE_URL
    if profile.base_url.production is None:
        address = Field("base_url", "Address", help="from the courier")
    return (*own, ENVIRONMENT, address, TIMEZONE, PER_S, PER_DAY)


def _named(profile: Profile) -> Iterator[tuple[str, bool]]:
    document: Any = profile.model_dump(exclude={"webhook"})
    for text in texts_in(document):
        yield from ((one.path, one.optional) for one in named_in(text))
    # Without its secret a push is refused, and tracking works all the same.
    if profile.webhook:
        yield from ((one.path, True) for one in named_in(profile.webhook.verify.secret))


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize().replace("Api ", "API ")


def account_of(profile: Profile, fields: tuple[Field, ...], connection: Connection) -> Account:
    """The settings, checked. Raises Paused."""
    address = base_url(connection, profile.base_url.production, profile.base_url.sandbox)
    absent = missing(connection, fields)
    if absent:
        raise Paused(f"{profile.display_name} needs more: {', '.join(absent)}")
    zone_name = timezone(connection, profile.timezone)
    return Account(address, zone_name, dict(connection.settings), dict(connection.secrets))
