"""Alerts and dashboard name metrics that exist, and every alert has its page in the runbook."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

from runtime.settings import ROOT
from streams import metrics

FOLDER = ROOT / "runtime" / "monitoring"
YAML_READER = YAML(typ="safe")
RULES: list[dict[str, Any]] = YAML_READER.load(FOLDER / "alerts.yaml")["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
NAME = re.compile(r"\bsmartstore_[a-z_]+")


def exposed() -> set[str]:
    assert metrics.PROCESS  # the import registers them
    found = set()
    for family in REGISTRY.collect():
        if family.name.startswith("smartstore_"):
            endings = {
                "counter": ("_total",),
                "histogram": ("_bucket", "_count", "_sum"),
                "info": ("_info",),
            }.get(family.type, ("",))
            found |= {family.name + ending for ending in endings}
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_there_is_and_has_a_page(rule: dict[str, Any]) -> None:
    assert set(NAME.findall(rule["expr"])) <= exposed()
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert f"\n## {rule['alert']}\n" in (ROOT / "docs/runbook.md").read_text()
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_the_dashboard_asks_for_what_there_is() -> None:
    asked = {
        name
        for panel in PANELS
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    }
    assert asked
    assert asked <= exposed()


def test_prometheus_asks_every_process() -> None:
    services = YAML_READER.load(ROOT / "compose.yaml")["services"]
    ours = {name for name, service in services.items() if "build" in service}
    job = YAML_READER.load(FOLDER / "prometheus.yaml")["scrape_configs"][0]
    assert set(job["dns_sd_configs"][0]["names"]) == ours
