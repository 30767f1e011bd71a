"""Raw deliveries to observations and edits: the agent of topic `inbound`."""

from __future__ import annotations

from streams.inbound.normalise import Normaliser

__all__ = ["Normaliser"]
