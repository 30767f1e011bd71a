"""Which role a route asks for: deny by default, exceptions in four short lists. Pure.

Whoever may look may look everywhere but at keys, people and the audit; staff may change what
is the day's work; connections, secrets, rules, keys, people and erasure are the owner's.
"""

from __future__ import annotations

from streams.access import Role

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

OWNERS_LOOK = (
    "/api/keys",
    "/api/people",
    "/api/audit",
    "/api/erasure",
    "/api/alerts/messages",
    "/api/alerts/settings",
    "/people",
)
OWNERS_CHANGE = (
    *OWNERS_LOOK,
    "/api/integrations",
    "/integrations",
    "/api/couriers",
    "/api/policies",
    "/api/whatsapp/notifications",
    "/api/whatsapp/templates",
    "/api/alerts",
    "/alerts",
)
STAFF_CHANGES = (
    "/api/integrations/{integration_id}/test",
    "/integrations/{integration_id}/test",
    "/api/couriers/{code}/test",
    "/api/couriers/check",
)
"""Beneath an owner's address, and yet the day's work."""
ALL_CHANGE = ("/api/ws/ticket", "/api/policies/preview", "/api/whatif", "/logout", "/language")
"""They change nothing that is the organisation's."""
PLUGIN_LOOKS = ("/api/health", "/api/sync/status")
"""What a shop's plugin asks when its Test Connection is pressed."""


def needed(method: str, template: str) -> Role:
    """The least role for a route, by its template (`/api/jobs/{job_id}`)."""
    if method in SAFE:
        if _under(template, PLUGIN_LOOKS):
            return Role.PLUGIN
        return Role.OWNER if _under(template, OWNERS_LOOK) else Role.ANALYST
    if _under(template, ALL_CHANGE):
        return Role.ANALYST
    if _under(template, OWNERS_CHANGE) and not _under(template, STAFF_CHANGES):
        return Role.OWNER
    return Role.STAFF


def _under(template: str, prefixes: tuple[str, ...]) -> bool:
    return any(template == one or template.startswith(f"{one}/") for one in prefixes)
