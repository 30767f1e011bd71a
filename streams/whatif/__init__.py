"""Decisions made again: as they were (the same, byte for byte), or by other rules or other code."""
