"""Organisations as `decide` sees them, kept fresh from the directory."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from connectors.protocol import Connection, Profile
from connectors.registry import connector
from schemas.context import Connected, ContextWire
from streams.directory import Directory
from streams.sync.context import Context

FRESH_S = 2.0

Load = Callable[[str], Awaitable[Context]]


def loader(directory: Directory) -> Load:
    """Builds an organisation's context from its connections, their capabilities and its
    policies."""

    async def load(organization_id: str) -> Context:
        connections = []
        for connection in await directory.connections(organization_id):
            capabilities = await directory.capabilities(organization_id, connection.replica)
            connections.append(
                Connected(
                    replica=connection.replica,
                    platform=connection.platform,
                    settings=dict(sorted(connection.settings.items())),
                    capabilities=dict(sorted(capabilities.items())),
                    active=connection.active,
                    confirmed=connection.confirmed,
                    first_sync=connection.first_sync,
                )
            )
        return context_of(
            ContextWire(
                organization_id=organization_id,
                connections=tuple(connections),
                policies=await directory.policies(organization_id),
            )
        )

    return load


def context_of(made_from: ContextWire) -> Context:
    """The same forever, by the same code: a decision is made again with this."""
    profiles: dict[str, Profile] = {}
    announced: dict[str, frozenset[str]] = {}
    for one in made_from.connections:
        connection = Connection(
            id=one.replica,
            organization_id=made_from.organization_id,
            platform=one.platform,
            replica=one.replica,
            settings=one.settings,
            active=one.active,
            confirmed=one.confirmed,
            first_sync=one.first_sync,
        )
        profiles[one.replica] = connector(one.platform).profile(connection, one.capabilities)
        statuses = one.settings.get("order_statuses", "")
        if one.active and one.confirmed and statuses:
            announced[one.replica] = frozenset(s.strip() for s in statuses.split(","))
    connections = made_from.connections
    return Context(
        profiles=profiles,
        writable=frozenset(one.replica for one in connections if one.active and one.confirmed),
        policies=made_from.policies,
        announced=announced,
        first_sync={one.replica: one.first_sync for one in connections},
        digest=made_from.digest,
        made_from=made_from,
    )


@dataclass
class Contexts:
    """One context an organisation; `ensure` before a chunk, `of` for each record in it."""

    load: Load
    clock: Callable[[], float] = time.monotonic
    untold: list[ContextWire] = field(default_factory=list)
    """What contexts are made from by now, to be told before anything is decided with them."""
    _fresh: dict[str, tuple[float, Context]] = field(default_factory=dict)
    _placed: dict[tuple[str, int], Context] = field(default_factory=dict)
    _lags: dict[str, dict[str, int]] = field(default_factory=dict)

    async def ensure(self, organization_ids: Iterable[str]) -> set[str]:
        """Load what is missing or old. Returns the organisations whose rules have changed."""
        changed: set[str] = set()
        now = self.clock()
        for organization_id in organization_ids:
            known = self._fresh.get(organization_id)
            if known is not None and known[0] > now:
                continue
            found = await self.load(organization_id)
            if known is None or not same_rules(known[1], found):
                if known is not None:
                    changed.add(organization_id)
                self._forget(organization_id)
                self._fresh[organization_id] = (now + FRESH_S, found)
                if found.made_from is not None:
                    self.untold.append(found.made_from)
            else:
                self._fresh[organization_id] = (now + FRESH_S, known[1])
        return changed

    @property
    def known(self) -> list[str]:
        """Organisations seen so far."""
        return list(self._fresh)

    def of(self, organization_id: str, epoch: int) -> Context:
        """The organisation's context for the owner of this epoch. `ensure` came first."""
        place = (organization_id, epoch)
        found = self._placed.get(place)
        if found is None:
            base = self._fresh[organization_id][1]
            lags = self._lags.setdefault(organization_id, {})
            found = self._placed[place] = replace(base, epoch=epoch, lags=lags)
        return found

    def heard(self, organization_id: str, replica: str, lag_ms: int) -> None:
        """A change took this long to reach us by the platform's clock: the least is its skew."""
        lags = self._lags.setdefault(organization_id, {})
        if replica not in lags or lag_ms < lags[replica]:
            lags[replica] = lag_ms

    def _forget(self, organization_id: str) -> None:
        for place in [place for place in self._placed if place[0] == organization_id]:
            del self._placed[place]


def same_rules(one: Context, other: Context) -> bool:
    """Whether two contexts would decide alike. Profiles hold functions, so they are compared by
    what they declare."""
    return (
        one.writable == other.writable
        and one.policies == other.policies
        and one.announced == other.announced
        and one.first_sync == other.first_sync
        and _declared(one.profiles) == _declared(other.profiles)
    )


def _declared(profiles: Mapping[str, Profile]) -> dict[str, object]:
    return {
        name: (
            profile.compares,
            profile.reads,
            {
                kind: (found.readable, found.writable, found.creates, found.deletes)
                for kind, found in profile.types.items()
            },
        )
        for name, profile in profiles.items()
    }
