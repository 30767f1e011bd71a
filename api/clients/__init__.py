"""What other programs use to talk to a running SmartStore Sync: `javascript/` for pages,
`RealTimeSync` for Python. Neither needs the server's own code."""

from api.clients.realtime import RealTimeSync, SyncError

__all__ = ["RealTimeSync", "SyncError"]
