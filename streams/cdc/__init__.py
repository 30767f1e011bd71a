"""MongoDB's change stream into topic `inbound`: a snapshot, then every change."""

from __future__ import annotations

from streams.cdc.capture import ChangeCapture, run

__all__ = ["ChangeCapture", "run"]
