"""What time it is. Rules are told it (`now_ms`) by whoever acts; nothing pure asks."""

from __future__ import annotations

import time


def unix_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return int(time.time() * 1000)
