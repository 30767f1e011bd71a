"""Measurements beside their peers, each a script that anyone can run: `./smartstore bench NAME`."""
