"""What one event costs in the small: decoding and encoding an observation of 1 kB with msgspec and
with pydantic (docs/adr/0003), and choosing its partition by CRC-32 and by murmur2 (0004)."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

from aiokafka.partitioner import murmur2
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from benchmarks.reconcile import observation
from benchmarks.report import Report, median
from schemas.codec import decode, encode
from schemas.observation import Observation
from schemas.topics import partition_of

TIMES = 5_000


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class PydanticSeen(_Model):
    """The fields of `schemas.observation.Seen` that the event has."""

    external_id: str
    exists: bool = True
    fields: dict[str, Any] = {}
    as_of: int = 0
    changed_at_ms: int | None = None
    masked: tuple[str, ...] = ()


class PydanticObservation(_Model):
    """The same observation as a pydantic model."""

    kind: str
    organization_id: str
    type: str
    entity_id: str
    id: str
    replica: str
    seen: PydanticSeen
    ticket: tuple[int, int] | None = None
    received_at_ms: int


def run(*, runs: int = 3) -> Report:
    """Medians of `runs` runs, microseconds a call."""
    event = observation(7, 1_800_000_000_000)
    data, key = encode(event), event.key
    model = PydanticObservation.model_validate_json(data)
    calls: dict[str, Callable[[], object]] = {
        "decode, msgspec": lambda: decode(data, Observation),
        "decode, pydantic": lambda: PydanticObservation.model_validate_json(data),
        "encode, msgspec": lambda: encode(event),
        "encode, pydantic": lambda: model.model_dump_json(by_alias=True),
        "partition, CRC-32": lambda: partition_of(key, 4),
        "partition, murmur2": lambda: murmur2(key),
    }
    report = Report(f"codec: one observation of {len(data)} bytes", ("what", "microseconds"))
    for what, call in calls.items():
        times = [timeit.timeit(call, number=TIMES) / TIMES * 1e6 for _ in range(runs)]
        report.rows.append({"what": what, "microseconds": round(median(times), 2)})
        report.figures[what.replace(", ", "_").replace("-", "")] = report.rows[-1]["microseconds"]
    return report
