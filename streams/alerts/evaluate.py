"""Pure: what is wrong now, and what was known, into what people are told.

An alert is told once. It is told again after some hours while it stands, and once more when it is
over. Everything that is to be told at one time is one message, and the next one waits a while: a
storm is one message, not a hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
QUIET_MS = 5 * MINUTE_MS
"""Between two messages to the same people."""

State = Literal["waiting", "raised", "over"]
What = Literal["raised", "reminder", "over"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How patient we are with one condition."""

    hold_ms: int = 0
    """It must have stood for so long before anybody is told."""
    gone_ms: int = 5 * MINUTE_MS
    """It must have been gone for so long before it is over: what flaps is one alert."""
    remind_ms: int = DAY_MS


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is wrong now."""

    condition: str
    subject: str = ""
    """Of which connection, item or topic; several of one condition are several alerts."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What its words are filled with."""
    again_ms: int = 0
    """Who was told before this moment is told once more then."""

    @property
    def key(self) -> str:
        """The same while it is the same trouble."""
        return f"{self.condition}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One trouble from its first sight to its end. Times in ms since 1970, 0: not yet."""

    condition: str
    subject: str
    values: Mapping[str, str]
    since_ms: int
    state: State = "waiting"
    raised_ms: int = 0
    told_ms: int = 0
    """When people were last told of it."""
    gone_ms: int = 0
    """Since when it has not been seen."""
    over_ms: int = 0
    closed: bool = False
    """Nothing of it is left to be told."""
    again_ms: int = 0
    """As the fact's."""

    @property
    def key(self) -> str:
        """As the fact's."""
        return f"{self.condition}/{self.subject}"


@dataclass(frozen=True, slots=True)
class News:
    """One line of a message."""

    what: What
    alert: Alert


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All alerts as they are now, closed ones for the last time; and the message, if there is
    one."""

    alerts: tuple[Alert, ...]
    news: tuple[News, ...]


def evaluate(
    known: Iterable[Alert],
    facts: Sequence[Fact],
    rules: Mapping[str, Rule],
    now_ms: int,
    *,
    blind: Collection[str] = (),
    last_told_ms: int = 0,
) -> Evaluation:
    """`rules`: the conditions that are watched; another one's alerts end without a word. `blind`:
    conditions that could not be looked at, which stay as they are. `last_told_ms`: of the last
    message."""
    held = {alert.key: alert for alert in known}
    seen = {fact.key: fact for fact in facts if fact.condition in rules}
    alerts: list[Alert] = []
    for key, fact in seen.items():
        alert = held.get(key) or Alert(fact.condition, fact.subject, {}, now_ms)
        alert = replace(alert, values=dict(fact.values), again_ms=fact.again_ms)
        alerts.append(_stands(alert, rules, now_ms))
    for key, alert in held.items():
        if key not in seen:
            alerts.append(_missing(alert, rules, now_ms, alert.condition in blind))
    if last_told_ms and now_ms - last_told_ms < QUIET_MS:
        return Evaluation(tuple(alerts), ())
    news = [News(what, alert) for alert in alerts if (what := _due(alert, rules, now_ms))]
    told = {one.alert.key for one in news}
    marked = {alert.key: _told(alert, now_ms) for alert in alerts if alert.key in told}
    return Evaluation(
        tuple(marked.get(alert.key, alert) for alert in alerts),
        tuple(News(one.what, marked[one.alert.key]) for one in news),
    )


def _stands(alert: Alert, rules: Mapping[str, Rule], now_ms: int) -> Alert:
    """It is seen."""
    alert = replace(alert, gone_ms=0)
    if alert.state == "over":  # back before anybody was told that it had gone
        return replace(alert, state="raised", over_ms=0)
    if alert.state == "waiting" and now_ms - alert.since_ms >= rules[alert.condition].hold_ms:
        return replace(alert, state="raised", raised_ms=now_ms)
    return alert


def _missing(alert: Alert, rules: Mapping[str, Rule], now_ms: int, blind: bool) -> Alert:
    """It is not seen: gone, perhaps, or nobody could look."""
    rule = rules.get(alert.condition)
    if rule is None:
        return replace(alert, state="over", over_ms=alert.over_ms or now_ms, closed=True)
    if blind or alert.state == "over":
        return alert
    if alert.state == "waiting":
        return replace(alert, state="over", over_ms=now_ms, closed=True)
    gone_ms = alert.gone_ms or now_ms
    if now_ms - gone_ms < rule.gone_ms:
        return replace(alert, gone_ms=gone_ms)
    # Who was never told that it began need not hear that it ended.
    return replace(alert, state="over", gone_ms=gone_ms, over_ms=now_ms, closed=alert.told_ms == 0)


def _due(alert: Alert, rules: Mapping[str, Rule], now_ms: int) -> What | None:
    if alert.closed or alert.state == "waiting":
        return None
    if alert.state == "over":
        return "over"
    if not alert.told_ms:
        return "raised"
    if alert.gone_ms:
        return None
    if alert.told_ms < alert.again_ms <= now_ms:
        return "reminder"
    remind_ms = rules[alert.condition].remind_ms
    return "reminder" if remind_ms and now_ms - alert.told_ms >= remind_ms else None


def _told(alert: Alert, now_ms: int) -> Alert:
    return replace(alert, told_ms=now_ms, closed=alert.state == "over")
