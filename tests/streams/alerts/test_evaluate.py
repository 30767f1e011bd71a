"""One alert once, until it is over; a storm is one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.alerts.evaluate import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    QUIET_MS,
    Alert,
    Evaluation,
    Fact,
    Rule,
    evaluate,
)

START_MS = 1_795_000_000_000
RULES = {
    "silent": Rule(hold_ms=0, gone_ms=5 * MINUTE_MS, remind_ms=6 * HOUR_MS),
    "breaker": Rule(hold_ms=5 * MINUTE_MS, gone_ms=2 * MINUTE_MS, remind_ms=DAY_MS),
    "stock": Rule(hold_ms=0, gone_ms=0, remind_ms=0),
}
SHOP = Fact("silent", "woocommerce", {"hours": "9"})
OPEN = Fact("breaker", "whatsapp")


@dataclass
class Watch:
    """Evaluates minute by minute, as the job does, and notes what was told."""

    now_ms: int = START_MS
    alerts: tuple[Alert, ...] = ()
    told_ms: int = 0
    told: list[list[str]] = field(default_factory=list)

    def look(
        self,
        *facts: Fact,
        minutes: float = 1,
        blind: Sequence[str] = (),
        rules: dict[str, Rule] = RULES,
    ) -> Evaluation:
        """After so many minutes."""
        self.now_ms += int(minutes * MINUTE_MS)
        found = evaluate(
            self.alerts, facts, rules, self.now_ms, blind=blind, last_told_ms=self.told_ms
        )
        self.alerts = tuple(alert for alert in found.alerts if not alert.closed)
        if found.news:
            self.told_ms = self.now_ms
            self.told.append([f"{one.what} {one.alert.key}" for one in found.news])
        return found


def test_it_is_told_once_however_often_it_is_seen() -> None:
    watch = Watch()
    for _ in range(60):
        watch.look(SHOP)
    assert watch.told == [["raised silent/woocommerce"]]


def test_what_passes_within_its_patience_is_never_told() -> None:
    watch = Watch()
    for _ in range(4):
        watch.look(OPEN)
    watch.look()
    for _ in range(4):
        watch.look(OPEN)
    assert watch.told == []


def test_what_lasts_is_told_when_its_patience_ends() -> None:
    watch = Watch()
    for _ in range(5):
        watch.look(OPEN)
    assert watch.told == []
    watch.look(OPEN)  # five minutes after the first sight
    assert watch.told == [["raised breaker/whatsapp"]]
    (alert,) = watch.alerts
    assert alert.raised_ms - alert.since_ms == 5 * MINUTE_MS


def test_the_end_is_told_once_it_has_lasted() -> None:
    watch = Watch()
    watch.look(SHOP)
    for _ in range(5):
        watch.look()
    assert watch.told == [["raised silent/woocommerce"]]
    watch.look()
    assert watch.told[1:] == [["over silent/woocommerce"]]
    assert watch.alerts == ()
    watch.look(SHOP, minutes=10)
    assert watch.told[2:] == [["raised silent/woocommerce"]]


def test_flapping_is_one_alert() -> None:
    watch = Watch()
    for minute in range(60):
        watch.look(*([SHOP] if minute % 4 == 0 else []))
    assert watch.told == [["raised silent/woocommerce"]]


def test_it_is_told_again_after_hours_while_it_stands() -> None:
    watch = Watch()
    for _ in range(13):
        watch.look(SHOP, minutes=60)
    # First at hour 1, so reminded at hours 7 and 13.
    assert watch.told == [
        ["raised silent/woocommerce"],
        ["reminder silent/woocommerce"],
        ["reminder silent/woocommerce"],
    ]


def test_a_rule_without_reminders_reminds_nobody() -> None:
    watch = Watch()
    for _ in range(30):
        watch.look(Fact("stock", "sku-1"), minutes=24 * 60)
    assert watch.told == [["raised stock/sku-1"]]


def test_who_was_told_before_a_moment_is_told_once_more_then() -> None:
    """A token's end: at first sight, and once more when the last days begin."""
    ends = Fact("stock", "whatsapp", again_ms=START_MS + 11 * DAY_MS)
    watch = Watch()
    for _ in range(20):
        watch.look(ends, minutes=24 * 60)
    assert watch.told == [["raised stock/whatsapp"], ["reminder stock/whatsapp"]]
    assert watch.told_ms == START_MS + 11 * DAY_MS
    late = Watch(now_ms=START_MS + 12 * DAY_MS)
    for _ in range(5):
        late.look(ends, minutes=24 * 60)
    assert late.told == [["raised stock/whatsapp"]], "who hears of it only then is told once"


def test_a_storm_is_one_message() -> None:
    watch = Watch()
    watch.look(*(Fact("stock", f"sku-{place}") for place in range(100)))
    assert [len(lines) for lines in watch.told] == [100]


def test_what_follows_soon_waits_and_comes_together() -> None:
    watch = Watch()
    facts = [Fact("stock", "sku-0")]
    for place in range(1, 5):
        watch.look(*facts)
        facts.append(Fact("stock", f"sku-{place}"))
    assert len(watch.told) == 1
    watch.look(*facts, minutes=QUIET_MS / MINUTE_MS)
    assert watch.told[1:] == [[f"raised stock/sku-{place}" for place in range(1, 5)]]


def test_what_comes_and_goes_in_the_quiet_is_never_told() -> None:
    watch = Watch()
    watch.look(Fact("stock", "a"))
    watch.look(Fact("stock", "a"), Fact("stock", "b"))
    watch.look(Fact("stock", "a"))
    watch.look(Fact("stock", "a"), minutes=30)
    assert watch.told == [["raised stock/a"]]


def test_an_end_that_nobody_was_told_of_yet_is_taken_back() -> None:
    watch = Watch()
    watch.look(Fact("stock", "a"))
    watch.look()  # over at once, but the quiet holds the message
    assert [alert.state for alert in watch.alerts] == ["over"]
    watch.look(Fact("stock", "a"))
    assert [alert.state for alert in watch.alerts] == ["raised"]
    watch.look(Fact("stock", "a"), minutes=30)
    assert watch.told == [["raised stock/a"]]


def test_nobody_could_look_means_nothing() -> None:
    watch = Watch()
    watch.look(SHOP)
    for _ in range(60):
        watch.look(blind=["silent"])
    assert watch.told == [["raised silent/woocommerce"]]
    (alert,) = watch.alerts
    assert (alert.state, alert.gone_ms) == ("raised", 0)
    watch = Watch()
    watch.look(OPEN)
    watch.look(minutes=10, blind=["breaker"])
    assert watch.told == []
    watch.look(OPEN)
    assert watch.told == [["raised breaker/whatsapp"]]


def test_a_condition_that_was_switched_off_ends_without_a_word() -> None:
    watch = Watch()
    watch.look(SHOP)
    watch.look(SHOP, minutes=60, rules={})
    assert (watch.alerts, len(watch.told)) == ((), 1)


def test_the_newest_values_are_kept_and_the_inputs_are_not_changed() -> None:
    watch = Watch()
    watch.look(SHOP)
    before = watch.alerts
    watch.look(Fact("silent", "woocommerce", {"hours": "10"}))
    assert (before[0].values, watch.alerts[0].values) == ({"hours": "9"}, {"hours": "10"})


def test_the_same_in_any_order() -> None:
    facts = [SHOP, OPEN, Fact("stock", "a"), Fact("stock", "b")]
    there = evaluate((), facts, RULES, START_MS)
    back = evaluate((), facts[::-1], RULES, START_MS)
    assert set(map(lambda a: a.key, there.alerts)) == set(map(lambda a: a.key, back.alerts))
    assert {one.alert.key for one in there.news} == {one.alert.key for one in back.news}
