"""Kafka as the streams use it: whole chunks in, whole batches out."""

from streams.kafka.publisher import Publisher, PublishFailed, RecordTooLarge
from streams.kafka.records import Handler, Incoming, Outgoing

__all__ = ["Handler", "Incoming", "Outgoing", "PublishFailed", "Publisher", "RecordTooLarge"]
