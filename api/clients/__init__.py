"""What other programs use to talk to a running SmartStore Sync."""
