"""Known weaknesses of the packages in the lock, as the package index publishes them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.bootstrap import VENV
from runtime.settings import ROOT

PATIENCE_S = 120
ASKED_S = "5"


@dataclass(frozen=True)
class Audited:
    """What an audit came to."""

    asked: int
    """Packages that somebody answered for."""
    unanswered: int
    findings: tuple[str, ...]
    trouble: str = ""
    """Why nothing was asked at all."""

    @property
    def sentence(self) -> str:
        """One line for people."""
        if not self.asked:
            reason = self.trouble or "the package index publishes no advisories here"
            return f"dependencies were not audited: {reason}"
        left = f", {self.unanswered} without an answer" if self.unanswered else ""
        return f"{self.asked} dependencies audited{left}: {len(self.findings)} weaknesses known"


def audit(lock: str = "requirements.lock") -> Audited:
    """Asks once; takes some seconds."""
    command = [
        str(VENV / "bin" / "pip-audit"),
        *("--requirement", lock, "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", ASKED_S),
    ]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Audited(0, 0, (), type(error).__name__)
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        said = done.stderr.strip().splitlines()
        return Audited(0, 0, (), said[-1][:200] if said else f"exit status {done.returncode}")


def read(told: Mapping[str, Any]) -> Audited:
    """pip-audit's own JSON."""
    packages = told["dependencies"]
    answered = [one for one in packages if "skip_reason" not in one]
    findings = tuple(
        f"{one['name']} {one['version']}: {weak['id']}"
        + (f", mended in {', '.join(weak['fix_versions'])}" if weak.get("fix_versions") else "")
        for one in answered
        for weak in one.get("vulns", [])
    )
    return Audited(len(answered), len(packages) - len(answered), findings)
