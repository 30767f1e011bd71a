"""What is watched, and how patient we are with it."""

from __future__ import annotations

from collections.abc import Mapping

from streams.alerts.evaluate import DAY_MS, HOUR_MS, MINUTE_MS, Rule

OWED_MS = 10 * MINUTE_MS
"""A write that a platform has not answered for so long is told of (as in alerts.yaml)."""
LAG = 1_000
"""Waiting records of a topic that are many, where they also grow (as in alerts.yaml)."""

SHOP: Mapping[str, Rule] = {
    "silent": Rule(),
    "token": Rule(hold_ms=MINUTE_MS, gone_ms=2 * MINUTE_MS, remind_ms=6 * HOUR_MS),
    "token_ends": Rule(gone_ms=0, remind_ms=0),
    "breaker": Rule(hold_ms=5 * MINUTE_MS, remind_ms=6 * HOUR_MS),
    "paused": Rule(hold_ms=DAY_MS, gone_ms=0, remind_ms=7 * DAY_MS),
    "owed": Rule(remind_ms=6 * HOUR_MS),
    "letters": Rule(hold_ms=2 * MINUTE_MS, gone_ms=2 * MINUTE_MS),
    "brake": Rule(gone_ms=0, remind_ms=6 * HOUR_MS),
    "conflicts": Rule(hold_ms=HOUR_MS, gone_ms=0),
    "unknown": Rule(gone_ms=0),
    "stock": Rule(hold_ms=2 * MINUTE_MS, gone_ms=10 * MINUTE_MS, remind_ms=7 * DAY_MS),
}
"""An organisation's own."""
OPERATOR: Mapping[str, Rule] = {
    "lag": Rule(hold_ms=5 * MINUTE_MS, remind_ms=2 * HOUR_MS),
    "server": Rule(hold_ms=MINUTE_MS, gone_ms=2 * MINUTE_MS, remind_ms=2 * HOUR_MS),
    "archive": Rule(hold_ms=MINUTE_MS, remind_ms=6 * HOUR_MS),
}
"""Of whoever runs the servers. MongoDB away is told by Prometheus alone: this stands on it."""
PAGES: Mapping[str, str] = {
    "silent": "/integrations",
    "token": "/integrations",
    "token_ends": "/integrations",
    "breaker": "/integrations",
    "paused": "/integrations",
    "owed": "/sync/evidence",
    "letters": "/sync/recover",
    "brake": "/sync",
    "conflicts": "/sync",
    "unknown": "/conversations",
    "stock": "/sync",
    "lag": "/sync/evidence",
    "server": "/sync/evidence",
    "archive": "/sync/evidence",
}
"""Where a person sees it, and does something about it."""
