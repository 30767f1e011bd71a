"""How one connection is, in words, for its card and its tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.activity import Day, days_of, sparkline
from api.channels import channels
from api.checks import Check
from api.deps import Caller
from api.pages.i18n import N_
from api.services import Services
from schemas.envelope import rfc3339
from streams.directory import Integration
from streams.tokens import TokenEnd, Tokens

LOCAL = "mongodb"
TABS = (("", N_("Status")), ("/timeline", N_("Timeline")), ("/settings", N_("Settings")))
MESSAGES = ("/messages", N_("Messages"))
"""Of a connection that writes to customers."""
NOTES = {
    "made": N_("It is connected. Now test it, and look at what would change."),
    "saved": N_("Your changes are saved."),
    "ended": N_("The former secret is not accepted any more."),
    "paused": N_("Paused. Deliveries are kept; nothing is written to it until you go on."),
    "resumed": N_("It goes on. What was waiting is sent now."),
    "removed": N_("It is removed, with its keys."),
    "name": N_("That is not its name. Nothing was removed."),
}
"""What came of a form, by its name in the address."""


PUSH_SECRETS = ("push_", "webhook_")
"""How a courier's secrets begin by which it shows who it is when it tells of parcels by itself."""


def webhook_address(use: Services, entry: Integration) -> str:
    """Where the platform's deliveries come to; empty for one that sends none."""
    base = f"{use.settings.base_url}/api/webhooks"
    if entry.platform == "whatsapp":
        return f"{base}/whatsapp"
    if entry.platform == "woocommerce":
        return f"{base}/woocommerce/{entry.organization_id}"
    if entry.platform == "courier" and any(n.startswith(PUSH_SECRETS) for n in entry.secrets):
        return f"{base}/courier/{entry.organization_id}/{entry.settings.get('courier', '')}"
    return ""


async def tab_values(use: Services, caller: Caller, entry: Integration) -> dict[str, Any]:
    """What every tab of a connection shows. Raises PyMongoError."""
    organization_id = caller.organization_id
    days = await days_of(use.database, organization_id, use.clock_ms())
    told = await channels(use.database, organization_id)
    pulse = await use.database["ss_pulses"].find_one({"_id": f"{organization_id}/{entry.replica}"})
    last_ms = max((pulse or {}).get("lastMs") or 0, days.get(entry.replica, Day()).last_ms)
    check, end = None, None
    connection = await use.directory.connection(organization_id, entry.replica)
    if connection is not None:
        check = await use.checks.probe(connection)
        end = (await Tokens(use.database).known([connection])).get(entry.replica)
    return {
        "organization": await use.directory.name_of(organization_id),
        "entry": entry,
        "tabs": (*TABS, MESSAGES) if entry.platform == "whatsapp" else TABS,
        "address": webhook_address(use, entry),
        "public": use.settings.public_url != "",
        "first_at": rfc3339(last_ms) if last_ms else "",
        "state": state_of(entry, check, bool(last_ms)),
        "detail": check.detail if check else "",
        "channel": told.get(entry.replica),
        "token_end": token_values(end, use.clock_ms()),
        **day_values(days.get(entry.replica)),
    }


def token_values(end: TokenEnd | None, now_ms: int) -> dict[str, Any] | None:
    """When its access token ends, for people; None where nothing is known of it."""
    if end is None:
        return None
    return {
        "at": rfc3339(end.ends_ms) if end.ends_ms else "",
        "soon": end.is_soon(now_ms),
        "over": bool(end.ends_ms and end.ends_ms <= now_ms),
        "never": end.ends_ms == 0,
        "reason": end.reason,
    }


STATE_LOOKS = {
    "connected": ("check", "good", N_("Connected")),
    "paused": ("pause", "quiet", N_("Paused")),
    "unconfirmed": ("choice", "ask", N_("Waits for you")),
    "waiting": ("clock", "info", N_("Waiting for the first event")),
    "slow": ("clock", "ask", N_("Slow")),
    "away": ("cross", "bad", N_("Not reached")),
    "broken": ("cross", "bad", N_("Needs attention")),
}


def state_of(entry: Integration, check: Check | None, heard_of: bool) -> tuple[str, str, str]:
    """(icon, tone, words): the worst of what is true."""
    if entry.trouble:
        return STATE_LOOKS["broken"]
    if not entry.active:
        return STATE_LOOKS["paused"]
    if check is not None and check.word == "unhealthy":
        return STATE_LOOKS["away"]
    if not entry.confirmed:
        return STATE_LOOKS["unconfirmed"]
    if check is not None and check.word == "degraded":
        return STATE_LOOKS["slow"]
    return STATE_LOOKS["connected" if heard_of else "waiting"]


def plain_state(check: Check) -> tuple[str, str, str]:
    """Of MongoDB, which is always connected."""
    return STATE_LOOKS["connected" if check.word == "healthy" else "away"]


def has_come(entry: Integration, days: Mapping[str, Day], told: Mapping[str, Any]) -> bool:
    """Whether anything was ever heard of it."""
    known = told.get(entry.replica) or {}
    return bool(entry.replica in days or known.get("lastDelivery") or known.get("lastPoll"))


def day_values(day: Day | None) -> dict[str, Any]:
    """The figures of a card."""
    found = day or Day()
    return {
        "last_at": rfc3339(found.last_ms) if found.last_ms else "",
        "success": found.success,
        "total": found.total,
        "bars": sparkline(found.hours),
    }


async def checks_of(use: Services, organization_id: str) -> dict[str, Check]:
    """Replica to what its probe found."""
    connections = await use.directory.connections(organization_id)
    return {c.replica: await use.checks.probe(c) for c in connections if c.platform != LOCAL}
