"""Organisations as `decide` sees them, kept fresh from the directory."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from connectors.protocol import Profile
from connectors.registry import connector
from streams.directory import Directory
from streams.sync.context import Context

FRESH_S = 2.0

Load = Callable[[str], Awaitable[Context]]


def loader(directory: Directory) -> Load:
    """Builds an organisation's context from its connections, their capabilities and its
    policies."""

    async def load(organization_id: str) -> Context:
        profiles: dict[str, Profile] = {}
        announced: dict[str, frozenset[str]] = {}
        writable: set[str] = set()
        first_sync: dict[str, str] = {}
        for connection in await directory.connections(organization_id):
            name = connection.replica
            capabilities = await directory.capabilities(organization_id, name)
            profiles[name] = connector(connection.platform).profile(connection, capabilities)
            first_sync[name] = connection.first_sync
            if connection.active and connection.confirmed:
                writable.add(name)
                statuses = connection.settings.get("order_statuses", "")
                if statuses:
                    announced[name] = frozenset(s.strip() for s in statuses.split(","))
        return Context(
            profiles=profiles,
            writable=frozenset(writable),
            policies=await directory.policies(organization_id),
            announced=announced,
            first_sync=first_sync,
        )

    return load


@dataclass
class Contexts:
    """One context an organisation; `ensure` before a chunk, `of` for each record in it."""

    load: Load
    clock: Callable[[], float] = time.monotonic
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
