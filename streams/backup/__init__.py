"""Backups: MongoDB's collections, the compacted topics, the archive's files; by the drivers.

Never the key of the secrets: it is kept apart (`docs/production.md`).
"""
