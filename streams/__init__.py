"""Decisions and state: what moves between Kafka and the connectors."""
