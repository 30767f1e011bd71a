"""News of the account, its number, its templates and its people that is no message. Pure.

Each becomes a notice: kept as it came, and applied by those who know what to do with it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from connectors.protocol import Notice
from connectors.whatsapp.contents import reason
from connectors.whatsapp.wire import Change, Record, records, seconds

TEMPLATES = (
    "message_template_status_update",
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
)
ACCOUNT = (
    "account_update",
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "business_capability_update",
    "business_status_update",
    "security",
    "partner_solutions",
    "payment_configuration_update",
)
NUMBER = ("phone_number_name_update", "phone_number_quality_update", "phone_number_status_update")
PREFERENCES = "user_preferences"
USER_ID = "user_id_update"
ECHOES = ("message_echoes", "smb_message_echoes")
"""What was sent from the phone itself, or by another program: nothing of it is to be answered."""
KNOWN = frozenset((*TEMPLATES, *ACCOUNT, *NUMBER, PREFERENCES, USER_ID, *ECHOES))
UNKNOWN = "this kind of news is not known here: it is kept as it came"


def notice(change: Change) -> Notice:
    """One change of a field other than messages."""
    trouble = "" if change.field in KNOWN else UNKNOWN
    return _notice(change, change.field, change.value, trouble)


def troubles(change: Change) -> list[Notice]:
    """Errors that Meta tells of the number as a whole, beside its messages."""
    return [
        _notice(change, "errors", error, reason({"errors": [error]}) or "")
        for error in records(change.value.get("errors"))
    ]


def unreadable(change: Change, what: str, held: Record) -> Notice:
    """A message or status that nothing can be told of: it has no id."""
    return _notice(change, what, held, f"this {what} has no id, so it can be told from no other")


def at_ms_of(value: Record) -> int | None:
    """When it happened, where the news itself says so."""
    return seconds(value.get("timestamp") or value.get("event_time"))


def _notice(change: Change, field: str, value: Record, trouble: str) -> Notice:
    return Notice(
        id=_digest(change.identity, field, change.at_ms, value),
        field=field,
        value=value,
        at_ms=at_ms_of(value) or change.at_ms,
        trouble=trouble,
    )


def _digest(*parts: Any) -> str:
    """The same for the same news, however often and in whatever order it comes."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]
