"""What one decision costs: microseconds of CPU for `decide` alone, on what a shop sees most. Three
platforms with the profiles of the real connectors; the record is settled, so the writes that follow
are decided on too.

Beside it, on the same JSON, the least that any sync must do: keep the newest value of every field
in a dictionary (no shadows, so no conflict, echo, lost write or sale would be noticed).
"""

from __future__ import annotations

import json
import time
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from benchmarks.report import Report, median
from connectors.mongodb.profile import PROFILE as MONGODB
from connectors.whatsapp.profile import PROFILE as WHATSAPP
from connectors.woocommerce.profile import profile_of
from schemas.base import Fields
from schemas.codec import decode, encode
from schemas.command import Create, Write
from schemas.observation import FieldMark, Mark, Observation, Seen
from schemas.outcome import Outcome
from streams.sync.context import Context
from streams.sync.decide import Arrival, decide, new_record
from streams.sync.record import Record

TIMES = 200
TURNS = 5
"""Turns a run: short ones, so that a busy machine spoils some of them and not the median."""
NOW_MS = 1_800_000_000_000
PRODUCT: Fields = {
    "sku": "TEA-BOPF-400",
    "name": "Ceylon BOPF tea 400 g",
    "description": ("High-grown and hand-picked in Dimbula, packed at origin. " * 10)[:500],
    "shortDescription": "High-grown, hand-picked.",
    "price": "1899.5",
    "salePrice": None,
    "currency": "LKR",
    "status": "active",
    "categories": ["Tea", "Black tea"],
    "tags": ["ceylon", "gift"],
    "images": ["https://shop.example.lk/tea-1.jpg", "https://shop.example.lk/tea-2.jpg"],
    "attributes": {"Grade": ["BOPF"], "Weight": ["400 g"]},
    "weight": "0.4",
    "dimensions": {"length": "12", "width": "8", "height": "18"},
}
STOCK: Fields = {"sku": "TEA-BOPF-400", "quantity": 120, "backorders": "no", "location": "Colombo"}
ORDER: Fields = {
    "number": "1042",
    "status": "processing",
    "items": [{"productId": "p1", "sku": "TEA-BOPF-400", "name": "Ceylon BOPF tea 400 g",
               "quantity": 2, "unitPrice": "1899.5", "total": "3799"}],
    "subtotal": "3799",
    "total": "4149",
    "currency": "LKR",
    "payment": {"method": "cod", "status": "pending", "codAmount": "4149"},
    "billing": {"name": "Nimal Perera", "phone": "+94771234567", "city": "Kandy"},
    "createdAt": "2026-11-22T10:30:00.000Z",
}  # fmt: skip
CONTEXT = Context(
    profiles={
        "mongodb": MONGODB,
        "woocommerce": profile_of({}, {"plugin": "1.0.0"}),
        "whatsapp": WHATSAPP,
    },
    writable=frozenset(("mongodb", "woocommerce", "whatsapp")),
    epoch=1,
    lags={"mongodb": 5, "woocommerce": 20},
)


@dataclass(frozen=True)
class Case:
    """Something that happens: what is there, and what is seen."""

    name: str
    record: Record
    arrival: Arrival
    writes: bool
    """Whether it leads to writes."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What the sighting tells."""
        return self.arrival.seen.fields if isinstance(self.arrival, Observation) else {}


def observation(entity_type: str, fields: Fields, as_of: int, mark: Mark | None) -> Observation:
    """MongoDB was seen to hold this."""
    return Observation(
        organization_id="bench",
        type=entity_type,
        entity_id="p1",
        id=f"o{as_of}",
        replica="mongodb",
        received_at_ms=NOW_MS + as_of,
        seen=Seen(
            external_id="p1", fields=fields, as_of=as_of, changed_at_ms=NOW_MS + as_of, mark=mark
        ),
    )


def settled(entity_type: str, fields: Fields) -> Record:
    """The record when every platform has taken what it was sent."""
    first = observation(entity_type, fields, 1, None)
    decision = decide(new_record(first), first, CONTEXT, NOW_MS)
    record, waiting = decision.record, list(decision.commands)
    while waiting:
        command = waiting.pop(0)
        if not isinstance(command, Write | Create):
            continue
        readable = CONTEXT.type_profile(command.replica, entity_type).readable
        marks = {
            name: FieldMark(op=command.op, value=value, total=command.totals.get(name))
            for name, value in command.want.items()
        }
        seen = Seen(
            external_id=f"{command.replica}-1",
            fields={name: value for name, value in command.want.items() if name in readable},
            as_of=1,
            mark=Mark(op=command.op, fields=marks),
        )
        outcome = Outcome(
            organization_id="bench",
            type=entity_type,
            entity_id="p1",
            replica=command.replica,
            op=command.op,
            result="taken",
            seen=seen if readable else None,
            at_ms=NOW_MS,
        )
        decision = decide(record, outcome, CONTEXT, NOW_MS)
        record = decision.record
        waiting += decision.commands
    return record


def cases() -> list[Case]:
    """The everyday ones."""
    product, stock, order = (
        settled(kind, fields)
        for kind, fields in (("product", PRODUCT), ("inventory", STOCK), ("order", ORDER))
    )
    repriced = observation("product", {**PRODUCT, "price": "1950"}, 2, None)
    echo = observation("product", dict(PRODUCT), 2, None)
    sale = observation("inventory", {**STOCK, "quantity": 118}, 2, None)
    moved = observation("order", {**ORDER, "status": "completed"}, 2, None)
    again = replace(echo, seen=replace(echo.seen, as_of=1))
    return [
        Case("product, price changed", product, repriced, True),
        Case("product, nothing changed", product, echo, False),
        Case("product, repeated delivery", product, again, False),
        Case("stock, a sale", stock, sale, True),
        Case("order, new status", order, moved, True),
    ]


def newest_wins(held: dict[str, Any], seen: Mapping[str, Any], at_ms: int) -> dict[str, Any]:
    """The peer: field by field, the later value."""
    merged = dict(held)
    for name, value in seen.items():
        old = merged.get(name)
        if old is None or (old["at"] <= at_ms and old["value"] != value):
            merged[name] = {"value": value, "at": at_ms}
    return merged


def run(*, runs: int = 3) -> Report:
    """Medians of `runs` runs of each, microseconds a call."""
    report = Report(
        "decide: one decision, three platforms", ("what", "decide µs", "newest wins µs", "ratio")
    )
    report.notes.append(
        "newest wins: a dictionary merge of the same fields, which notices no conflict, echo, lost "
        "write or sale"
    )
    for case in cases():
        if (
            bool(decide(case.record, case.arrival, CONTEXT, NOW_MS + 10).commands)
            is not case.writes
        ):
            raise RuntimeError(f"{case.name}: not what is meant to be measured")
        ours, peer = measured(case, runs)
        report.rows.append(row(case.name, ours, peer))
        report.figures[f"{case.name.replace(', ', '_').replace(' ', '_')}_us"] = round(ours, 1)
    report.figures["decide_us"] = report.rows[0]["decide µs"]
    both_ways(cases()[0], runs, report)
    return report


def measured(case: Case, runs: int) -> tuple[float, float]:
    """(decide, peer)."""
    held = {name: {"value": a.value, "at": a.at_ms} for name, a in case.record.fields.items()}
    return timed(
        lambda: decide(case.record, case.arrival, CONTEXT, NOW_MS + 10),
        lambda: newest_wins(held, case.fields, NOW_MS + 10),
        runs,
    )


def both_ways(case: Case, runs: int, report: Report) -> None:
    """The same with its JSON: the event and the record read, the record written."""
    event = encode(case.arrival)
    held = json.dumps(
        {name: {"value": a.value, "at": a.at_ms} for name, a in case.record.fields.items()}
    )

    def ours() -> bytes:
        arrival = decode(event, Observation)
        decision = decide(case.record, arrival, CONTEXT, NOW_MS + 10)
        return b"".join(encode(one) for one in (decision.record, *decision.commands))

    def peer() -> str:
        fields = json.loads(event)["seen"]["fields"]
        return json.dumps(newest_wins(json.loads(held), fields, NOW_MS + 10))

    mine, theirs = timed(ours, peer, runs)
    report.rows.append(row("product, price changed, with JSON both ways", mine, theirs))
    report.figures["decide_with_json_us"] = round(mine, 1)


def row(what: str, ours: float, peer: float) -> dict[str, Any]:
    """One line of the table."""
    return {
        "what": what,
        "decide µs": round(ours, 1),
        "newest wins µs": round(peer, 1),
        "ratio": round(ours / peer, 1),
    }


def timed(ours: Callable[[], object], peer: Callable[[], object], runs: int) -> tuple[float, float]:
    """Microseconds of CPU a call, medians; the two take turns, so that both have the same noise."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs * TURNS):
        for times, call in zip(found, (ours, peer), strict=True):
            spent = timeit.timeit(call, timer=time.process_time, number=TIMES)
            times.append(spent / TIMES * 1e6)
    return median(found[0]), median(found[1])
