"""What SmartStore is made of, and what is known against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from runtime import audit as auditing
from runtime.audit import Audited, read
from runtime.sbom import pinned, sbom
from runtime.settings import ROOT

WEAK = {
    "dependencies": [
        {"name": "jinja2", "version": "3.1.2", "vulns": [
            {"id": "GHSA-h5c8-rqwp-cp95", "fix_versions": ["3.1.3"]}]},
        {"name": "msgspec", "version": "0.20.0", "vulns": []},
        {"name": "odd", "skip_reason": "not found"},
    ]
}  # fmt: skip
"""Jinja's advisory of January 2024, in the shape that pip-audit writes."""


def test_the_document_is_valid_and_complete() -> None:
    text = sbom("0.1.0")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    links = {one["purl"].partition("?")[0] for one in json.loads(text)["components"]}
    locked = list(pinned((ROOT / "requirements.lock").read_text()))
    assert len(locked) > 50
    assert {f"pkg:pypi/{name}@{version}" for name, version, _ in locked} <= links
    assert "pkg:maven/org.apache.kafka/kafka_2.13@4.4.0" in links
    assert any(link.startswith("pkg:npm/%40fontsource/noto-sans-tamil@") for link in links)


def test_weaknesses_are_told_with_what_mends_them() -> None:
    found = read(WEAK)
    assert found.findings == ("jinja2 3.1.2: GHSA-h5c8-rqwp-cp95, mended in 3.1.3",)
    assert found.sentence == "2 dependencies audited, 1 without an answer: 1 weaknesses known"


def test_nobody_who_answers_is_no_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = read({"dependencies": [{"name": "odd", "skip_reason": "not found"}]})
    assert silent.findings == ()
    assert silent.sentence.startswith("dependencies were not audited")
    monkeypatch.setattr(auditing, "VENV", tmp_path)  # no pip-audit there
    assert auditing.audit() == Audited(0, 0, (), "FileNotFoundError")
