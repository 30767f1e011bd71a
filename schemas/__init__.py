"""The lowest layer: what moves through the system, as data only."""
