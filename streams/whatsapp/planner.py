"""Pure: whether a message is sent now, later, or not at all, and in which form.

Everything that rules it is an argument: the window, consent, templates, money, the hour, the rates
of Meta. The same arguments give the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.whatsapp.templates import Template, is_usable
from streams.whatsapp.notify import Quiet

WINDOW_MS = 24 * 3_600_000
MARGIN_MS = 120_000
"""The window is taken for closed a little early: a message under way must still be inside."""
LOOK_AGAIN_MS = 15 * 60_000
"""For a message that waits for a customer to write, or for a template to be approved: either wakes
it at once."""
OLD_NEWS_MS = 3 * 86_400_000
"""A notification that has waited for so long is news no more."""
LANGUAGE_OF_LAST_RESORT = "en"

Purpose = Literal["answer", "notification"]
Why = Literal[
    "later", "connection", "burst", "quiet", "window", "template", "budget", "pace", "old", "out"
]


@dataclass(frozen=True, slots=True)
class TemplateWanted:
    """A template by name, with the values that fill it."""

    name: str
    languages: tuple[str, ...]
    """In the order of preference."""
    values: Mapping[str, tuple[str, ...]]
    """Language to values of the body, in their order."""
    exact: Mapping[str, Any] | None = None
    """The whole message, where the caller gave it: sent as it is."""


@dataclass(frozen=True, slots=True)
class Want:
    """What is to be said."""

    purpose: Purpose
    free: Mapping[str, Any] | None = None
    """The message inside the 24-hour window; None where only a template will do."""
    template: TemplateWanted | None = None
    """What may be sent outside; None: it waits for the customer to write."""
    created_ms: int = 0
    not_before_ms: int = 0
    no_free: bool = False
    """Meta said, before `not_before_ms`, that the window is closed, whatever we believed."""
    forced: bool = False
    """A person released it: only what Meta itself forbids holds it up."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who it is for."""

    last_inbound_ms: int = 0
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """A month's money, in millionths."""

    cap: int | None = None
    spent: int = 0
    next_month_ms: int = 0
    prices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stand:
    """How things stand besides."""

    now_ms: int
    templates: Sequence[Template] | None
    """None: nobody could ask Meta; a template is taken to be there."""
    quiet: Quiet | None = None
    budget: Budget = field(default_factory=Budget)
    pace_until_ms: int = 0
    """Meta's rates allow nothing more to this customer, or from this number, before then."""
    paused_until_ms: int = 0
    paused: str = ""
    paused_briefly: bool = False
    """It helps itself within moments: the platform did not answer, or takes no more just now."""


@dataclass(frozen=True, slots=True)
class Send:
    """Now. `cost` in millionths."""

    message: Mapping[str, Any]
    template: str = ""
    language: str = ""
    category: str = ""
    text: str = ""
    """What the customer reads."""
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. `until_ms`: when it is looked at again by itself."""

    why: Why
    reason: str
    until_ms: int

    @property
    def brief(self) -> bool:
        """Under way, rather than held: nobody has to know."""
        return self.why in ("burst", "pace", "later")


@dataclass(frozen=True, slots=True)
class Drop:
    """Never."""

    why: Why
    reason: str


Plan = Send | Hold | Drop


def plan(want: Want, customer: Customer, stand: Stand) -> Plan:
    """What becomes of a message now."""
    now = stand.now_ms
    if want.purpose == "notification":
        if customer.opted_out:
            return Drop("out", "the customer does not want messages")
        if not want.forced and want.created_ms and now - want.created_ms > OLD_NEWS_MS:
            return Drop("old", "it waited for three days: it is news no more")
    if stand.paused:
        why: Why = "later" if stand.paused_briefly else "connection"
        return Hold(why, stand.paused, max(stand.paused_until_ms, now + 1000))
    if want.not_before_ms > now:
        return Hold("later", "it is not time yet", want.not_before_ms)
    if want.purpose == "notification" and stand.quiet is not None and not want.forced:
        until = stand.quiet.until_ms(now)
        if until is not None:
            return Hold("quiet", "quiet hours", until)
    chosen = _form(want, customer, stand)
    if not isinstance(chosen, Send):
        return chosen
    budget = stand.budget
    if (
        chosen.cost
        and budget.cap is not None
        and budget.spent + chosen.cost > budget.cap
        and not want.forced
    ):
        return Hold("budget", "this month's spend cap is reached", budget.next_month_ms)
    if stand.pace_until_ms > now:
        return Hold("pace", "WhatsApp's rate for messages", stand.pace_until_ms)
    return chosen


def window_open(last_inbound_ms: int, now_ms: int) -> bool:
    """Whether free-form messages reach this customer."""
    return 0 < now_ms - last_inbound_ms < WINDOW_MS - MARGIN_MS or last_inbound_ms >= now_ms


def _form(want: Want, customer: Customer, stand: Stand) -> Plan:
    """Free-form inside the window, else the right template."""
    now = stand.now_ms
    is_open = window_open(customer.last_inbound_ms, now)
    if want.no_free and customer.last_inbound_ms <= want.not_before_ms:
        is_open = False
    if want.free is not None and is_open:
        return Send(want.free)
    if want.template is None:
        if want.free is None:
            return Drop("template", "there is nothing to send")
        reason = "the customer has not written within 24 hours, and no template says this"
        return Hold("window", reason, now + LOOK_AGAIN_MS)
    return _template(want.template, is_open, stand)


def _template(wanted: TemplateWanted, is_open: bool, stand: Stand) -> Plan:
    languages = dict.fromkeys((*wanted.languages, LANGUAGE_OF_LAST_RESORT))
    if wanted.exact is not None:
        languages = dict.fromkeys(wanted.languages)
    reasons: list[str] = []
    for language in languages:
        found = _listed(wanted.name, language, stand)
        if isinstance(found, str):
            reasons.append(found)
            continue
        values = wanted.values.get(found.language.split("_")[0]) or wanted.values.get(language)
        if wanted.exact is None:
            if values is None:
                reasons.append(f"nothing is written in {language}")
                continue
            if found.parameters is not None and found.parameters != len(values):
                reasons.append(
                    f"the template {wanted.name} ({language}) takes {found.parameters} values, "
                    f"the settings give {len(values)}"
                )
                continue
            if not found.plain:
                reasons.append(f"the template {wanted.name} ({language}) wants more than its text")
                continue
        return _filled(wanted, found, values or (), is_open, stand)
    return Hold("template", reasons[0], stand.now_ms + LOOK_AGAIN_MS)


def _listed(name: str, language: str, stand: Stand) -> Template | str:
    """The approved one in this language (`en` also as `en_US`), or why there is none."""
    if stand.templates is None:
        return Template(name, language)
    mine = [
        one
        for one in stand.templates
        if one.name == name and (one.language == language or one.language.split("_")[0] == language)
    ]
    mine.sort(key=lambda one: (not is_usable(one), one.language != language))
    if not mine:
        return f"there is no template {name} in {language}"
    if not is_usable(mine[0]):
        return f"the template {name} ({language}) is {mine[0].status.lower()} at Meta"
    return mine[0]


def _filled(
    wanted: TemplateWanted, found: Template, values: Sequence[str], is_open: bool, stand: Stand
) -> Send:
    category = found.category.lower()
    # Utility templates inside the window are free of charge; marketing ones never are.
    free_of_charge = is_open and category == "utility"
    cost = 0 if free_of_charge else stand.budget.prices.get(category, 0)
    if wanted.exact is not None:
        message: Mapping[str, Any] = wanted.exact
    else:
        parameters = [{"type": "text", "text": value} for value in values]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        message = {
            "type": "template",
            "template": {
                "name": wanted.name,
                "language": {"code": found.language},
                "components": components,
            },
        }
    text = found.filled(values)
    return Send(message, wanted.name, found.language, category, text, cost)
