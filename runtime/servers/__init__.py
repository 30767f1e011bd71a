"""Local Kafka, MongoDB and Redis: find or fetch, start, keep, stop."""

from runtime.servers.local import LocalServers

__all__ = ["LocalServers"]
