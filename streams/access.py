"""Who may do what: three roles, the same for people and for API keys.

owner    everything: connections, secrets, rules, keys, people, erasure
staff    the day's work: conflicts, shipments, conversations, events, forced syncs
analyst  looks only
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Each may do what those after it may."""

    OWNER = "owner"
    STAFF = "staff"
    ANALYST = "analyst"
    PLUGIN = "plugin"
    """A shop's plugin: asks whether it is connected, and nothing else."""

    def may(self, needed: Role) -> bool:
        """Whether this role is enough where `needed` is asked for."""
        return _RANK[self] >= _RANK[needed]


_RANK = {Role.OWNER: 3, Role.STAFF: 2, Role.ANALYST: 1, Role.PLUGIN: 0}
