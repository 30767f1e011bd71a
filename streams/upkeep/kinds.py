"""Every kind of job there is: one line each."""

from __future__ import annotations

from streams.conflicts import bulk
from streams.couriers import jobs as couriers
from streams.upkeep import imports, polling, preview, resyncing, webhooks
from streams.upkeep.drift import job as drift
from streams.upkeep.runner import Runner
from streams.upkeep.settings import UpkeepSettings
from streams.whatsapp import catalogue, tokens


def register_all(runner: Runner, settings: UpkeepSettings) -> None:
    """Each module brings its own `register(runner, ...)`."""
    bulk.register(runner)
    catalogue.register(runner)
    couriers.register(runner)
    drift.register(runner, settings.drift_sweep_minutes)
    resyncing.register(runner)
    imports.register(runner)
    preview.register(runner)
    polling.register(runner, settings.polling_minutes)
    webhooks.register(runner, settings.public_url)
    tokens.register(runner)
