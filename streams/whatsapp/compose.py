"""Pure: from a wanted message to what the planner takes; and what follows a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.whatsapp.codes import Meaning, Rule, Then, pair_wait_s, rule_of
from streams.whatsapp.notify import Notifications
from streams.whatsapp.planner import TemplateWanted, Want
from streams.whatsapp.sends import Outgoing
from streams.whatsapp.wording import LANGUAGES, text_of, values_of

MOST_ATTEMPTS = 3
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
FIRST_WAIT_MS = 60_000


def want_of(row: Outgoing, settings: Notifications, language: str | None) -> Want:
    """`language`: the customer's, where it is known."""
    common: dict[str, Any] = {
        "purpose": row.purpose,
        "created_ms": row.created_ms,
        "not_before_ms": row.not_before_ms,
        "no_free": row.no_free,
        "forced": row.forced,
    }
    if row.event is None:
        message = row.message or {}
        if message.get("type") != "template":
            return Want(free=message, **common)
        return Want(template=exact_template(message), **common)
    kind, status = row.event.get("kind", "order"), row.event.get("status", "")
    telling = settings.telling(kind, status)
    names = telling.values()
    preferred = dict.fromkeys(one for one in (language, settings.language, "en") if one)
    text = text_of(kind, row.event, language or settings.language)
    return Want(
        free={"type": "text", "text": {"preview_url": False, "body": text}},
        template=TemplateWanted(
            telling.template,
            tuple(preferred),
            {one: values_of(kind, row.event, names, one) for one in LANGUAGES},
        ),
        **common,
    )


def exact_template(message: Mapping[str, Any]) -> TemplateWanted:
    """A template message that is sent as it was given, in its own language."""
    held = message["template"]
    language = str(held["language"]["code"])
    values = next(
        (
            tuple(str(p.get("text") or p.get("type")) for p in one["parameters"])
            for one in held.get("components") or ()
            if one.get("type") == "body"
        ),
        (),
    )
    return TemplateWanted(
        str(held["name"]), (language,), {language.split("_")[0]: values}, exact=message
    )


@dataclass(frozen=True, slots=True)
class Again:
    """A new attempt, after so long."""

    wait_ms: int = 0
    no_free: bool = False


def after_failure(code: int | None, attempt: int) -> Again | None:
    """What follows when Meta says that a message was not delivered, and never will be; None: it is
    given up. Never after 200 without a word: then nobody knows."""
    rule = rule_of(code) or Rule(Meaning.NEVER)
    if attempt >= MOST_ATTEMPTS:
        return None
    match rule.then:
        case Then.TEMPLATE:
            return Again(no_free=True)
        case Then.NEXT_DAY:
            return Again(DAY_MS) if attempt == 1 else None
        case Then.GONE | Then.PAUSED | Then.DISABLED:
            return Again()
        case Then.OPT_OUT:
            return None
    match rule.meaning:
        case Meaning.LATER:
            return Again(FIRST_WAIT_MS * 4 ** (attempt - 1))
        case Meaning.RECIPIENT:
            return Again(int(1000 * pair_wait_s(attempt)))
        case Meaning.SPAM | Meaning.STOPPED:
            return Again(HOUR_MS)
    return None
