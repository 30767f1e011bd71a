"""`smartstore whatif` and `history`: what they read, and what they say."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from runtime.commands.whatif import read_policies, told
from runtime.errors import SmartStoreError
from runtime.moments import moment_ms
from schemas.policy import Rule
from streams.whatif.compare import Result

LOCAL = '{"type": "product", "field": "price", "policy": "local"}'


@pytest.mark.parametrize(
    "text",
    [
        f'{{"rules": [{LOCAL}]}}',
        f"[{LOCAL}]",
        f'{{"policies": {{"version": 3, "rules": [{LOCAL}], "brakes": {{"deletes": 4}}}}}}',
    ],
)
def test_rules_are_read_as_the_api_tells_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policies.json"
    path.write_text(text)
    assert read_policies(path).rules == (Rule(type="product", field="price", policy="local"),)


@pytest.mark.parametrize("text", ["", "3", '{"rules": [{"policy": "loudest"}]}', "null"])
def test_what_are_no_rules_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policies.json"
    path.write_text(text)
    with pytest.raises(SmartStoreError, match="holds no rules"):
        read_policies(path)
    with pytest.raises(SmartStoreError, match="cannot be read"):
        read_policies(tmp_path / "missing")


def test_times_as_people_write_them() -> None:
    now_ms = time.time() * 1000
    assert moment_ms("2h") == pytest.approx(now_ms - 7_200_000, abs=5_000)
    assert moment_ms("2026-01-02T03:04:05Z") == 1_767_323_045_000
    for wrong in ("yesterday", "h", "2999-01-01T00:00:00Z"):
        with pytest.raises(SmartStoreError):
            moment_ms(wrong)


def test_what_is_said() -> None:
    key = b"kandy/product/p1"
    result = Result(identical=1, left_out=Counter({"personal data was erased": 2}))
    nothing = {"fields": {}, "asks": [], "deleted": False, "commands": [], "rejected": False}
    then = {
        **nothing,
        "fields": {"price": "12"},
        "commands": [["write", "mongodb", {"price": "12"}]],
    }
    now = {**nothing, "fields": {"price": "11"}, "asks": ["name"]}
    result.take(key, 1_795_000_000_000, {"label": "Tea"}, nothing, then, now)
    lines = told(result, only_same=False)
    assert lines[0] == "1 decisions made again; nothing was sent"
    assert "2 left out: personal data was erased" in lines
    assert lines[-2].endswith("1 values would be different today; commands: 0 more, 1 fewer")
    assert "product Tea  price 12 → 11, name: a person would be asked  lasting" in lines[-1]
    assert len(told(result, only_same=True)) == 3
