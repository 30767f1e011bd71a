"""What each process counts, served to Prometheus where SMARTSTORE_METRICS_PORT is set.

Names end in their unit. No label holds an id of a customer or an entity, or a secret.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence

import structlog
from prometheus_client import Counter, Gauge, Histogram, Info, start_http_server

from streams.kafka.records import Incoming

log = structlog.get_logger(__name__)

PORT = "SMARTSTORE_METRICS_PORT"
HOST = "SMARTSTORE_METRICS_HOST"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800)

PROCESS = Info("smartstore_process", "Which process of SmartStore this is.")
RECORDS = Counter("smartstore_records_total", "Records read from Kafka.", ["agent", "topic"])
RECORD_AGE = Histogram(
    "smartstore_record_age_seconds",
    "From a record's time in Kafka to the end of the work on it, of each chunk's oldest record.",
    ["agent"],
    buckets=_SECONDS,
)
WRITES = Counter(
    "smartstore_writes_total",
    "Answers to commands, by platform and result.",
    ["platform", "result"],
)
PARKED = Counter("smartstore_parked_total", "Records put into the dead letter.", ["stage"])
ALERTS = Counter(
    "smartstore_alert_deliveries_total",
    "Alerts on their way to people, by channel and what became of the try: sent, due, failed.",
    ["channel", "result"],
)
REQUESTS = Histogram(
    "smartstore_request_seconds",
    "HTTP requests by route and status, webhooks too.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
WAITING = Gauge("smartstore_waiting_records", "Records that wait in Kafka.", ["topic"])
OWED = Gauge("smartstore_owed_writes", "Fields that a platform is still owed.", ["organization"])
OLDEST_OWED = Gauge(
    "smartstore_oldest_owed_seconds", "Age of the oldest owed write.", ["organization"]
)
CONFLICTS = Gauge(
    "smartstore_open_conflicts", "Conflicts that wait for a person.", ["organization"]
)
DEAD_LETTERS = Gauge(
    "smartstore_dead_letters", "Dead letters that nobody has dealt with.", ["organization"]
)
CLIENTS = Gauge("smartstore_websocket_clients", "Live clients of this process.")
SERVER_UP = Gauge("smartstore_server_up", "1 where the server answers.", ["server"])
LAST_HEARD = Gauge(
    "smartstore_last_heard_timestamp_seconds",
    "When something last arrived from a platform.",
    ["organization", "replica"],
)


def serve(environment: Mapping[str, str], process: str) -> None:
    """Answer Prometheus on a port of its own: the api's is open to strangers. A busy port is a
    warning, no reason not to work."""
    given = environment.get(PORT, "").strip()
    if not given:
        return
    PROCESS.info({"process": process})
    # In a container the others are outside; elsewhere a proxy or an agent is on this machine.
    host = environment.get(HOST) or environment.get("HOST") or "127.0.0.1"
    try:
        start_http_server(int(given), addr=host)
    except (OSError, ValueError, OverflowError) as error:
        log.warning("no metrics are served", port=given, error=str(error))


def handled(agent: str, chunks: Iterable[Sequence[Incoming]], now_ms: int) -> None:
    """Count chunks of one partition each, none of them empty; the first record is the oldest."""
    for chunk in chunks:
        for topic, count in Counts(record.topic for record in chunk).items():
            RECORDS.labels(agent, topic).inc(count)
        RECORD_AGE.labels(agent).observe(max(0.0, (now_ms - chunk[0].timestamp_ms) / 1000))
