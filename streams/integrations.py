"""An organisation's connection as people see and manage it: never a secret's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.protocol import Connection
from schemas.clock import unix_ms
from streams.database import Document
from streams.formers import accepted

MONGODB = "mongodb"
ASK = "ask"
FIRST_SYNC = "newest"
"""Who wins at first sight, for connections of before there was a choice."""

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_REPLICA = re.compile(r"[a-z][a-z0-9-]{0,31}(:[0-9]{1,3})?|courier:[a-z][a-z0-9_]{0,39}")
_HINT_FROM = 12
"""Secrets shorter than this show nothing of themselves."""


class DirectoryError(Exception):
    """Base; the text is for the caller and says what to do. Trying the same again does not help."""


class NotFound(DirectoryError):
    """No such organisation or integration."""


class Taken(DirectoryError):
    """The name is in use."""


class Stale(DirectoryError):
    """Somebody else changed it first: read it again."""


class Invalid(DirectoryError):
    """The name or value cannot be used."""


@dataclass(frozen=True)
class SecretHint:
    """What may be shown of a stored secret: its last four characters, if it is long enough."""

    hint: str
    replaced_at_ms: int
    former_until_ms: int = 0
    """Until when the one that it replaced is accepted too; 0: it is not."""


@dataclass(frozen=True)
class Integration:
    """One connection without its secrets."""

    id: str
    organization_id: str
    platform: str
    replica: str
    settings: Mapping[str, str]
    secrets: Mapping[str, SecretHint]
    active: bool
    confirmed: bool = True
    """False: nothing moves before a person has seen the preview and said who wins."""
    first_sync: str = FIRST_SYNC
    version: int = 0
    from_environment: bool = False
    capabilities: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    """Why it cannot be used at all, and what helps; empty where it can."""


def hint_of(secret: str) -> str:
    """The last four characters of a secret that is long enough to spare them."""
    return secret[-4:] if len(secret) >= _HINT_FROM else ""


def shown(row: Document, capabilities: Mapping[str, str], trouble: str) -> Integration:
    """From a document of `ss_integrations`."""
    formers = accepted(row, unix_ms())
    return Integration(
        id=row["_id"],
        organization_id=row["organizationId"],
        platform=row["platform"],
        replica=row["replica"],
        settings=dict(row.get("settings", {})),
        secrets={
            name: SecretHint(
                sealed.get("hint", ""), sealed.get("replacedAtMs", 0), formers.get(name, 0)
            )
            for name, sealed in row.get("secrets", {}).items()
        },
        active=bool(row.get("active", True)),
        confirmed=bool(row.get("confirmed", True)),
        first_sync=row.get("firstSync") or FIRST_SYNC,
        version=int(row.get("version", 0)),
        capabilities=capabilities,
        trouble=trouble,
    )


def shown_environment(connection: Connection, capabilities: Mapping[str, str]) -> Integration:
    """From a connection that environment variables made."""
    return Integration(
        id=connection.id,
        organization_id=connection.organization_id,
        platform=connection.platform,
        replica=connection.replica,
        settings=dict(connection.settings),
        secrets={name: SecretHint(hint_of(value), 0) for name, value in connection.secrets.items()},
        active=connection.active,
        confirmed=connection.confirmed,
        first_sync=connection.first_sync,
        from_environment=True,
        capabilities=capabilities,
    )


def check_field(name: str) -> None:
    """Setting and secret names become paths in an update: no dots, no dollars. Raises Invalid."""
    if not _FIELD.fullmatch(name):
        raise Invalid(f"{name!r} cannot name a setting or secret: letters, digits and '_' only")


def check_replica(platform: str, replica: str) -> None:
    """`woocommerce`, `woocommerce:2` for a second account, `courier:aramex`. Raises Invalid."""
    if platform == MONGODB:
        raise Invalid("MongoDB is always connected; its address is DATABASE_URL")
    if not _REPLICA.fullmatch(replica) or replica.split(":")[0] != platform:
        raise Invalid(f"{replica!r} cannot name a connection to {platform}: use {platform}:2 or so")


def check_winner(winner: str) -> None:
    """`newest`, `ask`, `mongodb`, or a connection's name. Raises Invalid."""
    if winner not in (FIRST_SYNC, ASK, MONGODB) and not _REPLICA.fullmatch(winner):
        raise Invalid(f"{winner!r} cannot win: use newest, ask, mongodb, or the platform's name")
