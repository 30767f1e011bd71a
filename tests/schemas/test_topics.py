"""The registry of topics, and the documents made from it."""

from __future__ import annotations

from pathlib import Path

from schemas.topics import COMMANDS, TOPICS, partition_of, topic_table

ROOT = Path(__file__).resolve().parents[2]


def test_architecture_carries_the_table() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    after = text.partition("checked by tests/schemas/test_topics.py -->\n")[2]
    shown = after.partition("\n<!--")[0]
    assert shown == topic_table()


def test_names_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert set(COMMANDS.values()) <= set(TOPICS)


def test_partition_is_crc32() -> None:
    """Fixed forever: another function would send an entity's records to a second owner."""
    assert [partition_of(key, 4) for key in (b"org/product/1", b"org/product/2", b"")] == [1, 3, 0]
