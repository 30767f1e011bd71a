"""Files of others are what their package held, with version and licence beside them."""

from __future__ import annotations

import json
from hashlib import sha256

from api.pages.render import STATIC

VENDOR = STATIC / "vendor"


def test_each_vendored_file_is_listed_and_unchanged() -> None:
    listed = json.loads((VENDOR / "VENDORED.json").read_text())
    files = {path.name for path in VENDOR.iterdir() if path.suffix not in (".json", ".txt")}
    assert files == set(listed)
    for name, told in listed.items():
        assert sha256((VENDOR / name).read_bytes()).hexdigest() == told["sha256"], name
        assert all(told[known] for known in ("package", "version", "licence")), name
