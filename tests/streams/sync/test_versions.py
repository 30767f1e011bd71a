"""Two versions at work side by side, as while workers are upgraded one after the other: what one
writes the other reads, and what it cannot understand it does not touch."""

from __future__ import annotations

import json
from typing import Any

import faust
import msgspec
import pytest

from schemas.codec import Undecodable, decode, encode
from schemas.command import Command, Write
from schemas.envelope import Envelope, read_envelope
from schemas.observation import Arrival, Observation
from schemas.outcome import Outcome, Reply
from streams.sync.record import CLAIM_KEY_PREFIX, FORMAT, ClaimMark, Record
from streams.sync.table import EntityStore, NewerFormat

ENTITY = {"organizationId": "kandy", "type": "product", "entityId": "p1"}
# As version 0 wrote them: only what it had to.
OLD: dict[str, tuple[Any, dict[str, Any]]] = {
    "seen": (Arrival, {**ENTITY, "kind": "seen", "id": "o1", "replica": "mongodb",
                       "seen": {"externalId": "412", "fields": {"price": "100"}},
                       "receivedAtMs": 5}),
    "gone": (Arrival, {**ENTITY, "kind": "gone", "id": "o2", "replica": "woocommerce",
                       "externalId": "412", "receivedAtMs": 5}),
    "edit": (Arrival, {**ENTITY, "kind": "edit", "id": "e1", "replica": "mongodb",
                       "timestampMs": 4, "receivedAtMs": 5}),
    "outcome": (Reply, {**ENTITY, "kind": "outcome", "replica": "woocommerce", "result": "taken",
                        "atMs": 6}),
    "resolution": (Reply, {**ENTITY, "kind": "resolution", "id": "r1", "conflictId": "c1",
                           "field": "price", "resolution": "local", "candidates": {}, "by": "me",
                           "atMs": 6}),
    "resync": (Reply, {**ENTITY, "kind": "resync", "id": "r2", "atMs": 6}),
    "write": (Command, {**ENTITY, "kind": "write", "replica": "woocommerce", "op": [3, 1],
                        "externalId": "412", "want": {"price": "90"}, "issuedAtMs": 7}),
    "read": (Command, {**ENTITY, "kind": "read", "replica": "woocommerce", "externalId": "412",
                       "ticket": [3, 2], "issuedAtMs": 7}),
    "claim": (Command, {"kind": "claim", "epoch": 9, "owner": "0@1", "issuedAtMs": 7}),
}  # fmt: skip


class NewObservation(Observation, frozen=True, kw_only=True, tag="seen", tag_field="kind"):
    """Of a version to come."""

    confidence: float = 0.0


class NewRecord(Record, omit_defaults=True):
    """Of a version to come."""

    warehouse: str = ""


def new_store() -> EntityStore:
    app: Any = faust.App("test", broker="kafka://", store="memory://")
    return EntityStore("memory://", app, app.Table("entities"))


@pytest.mark.parametrize("name", OLD)
def test_what_version_0_wrote_is_read(name: str) -> None:
    kind, written = OLD[name]
    found = json.loads(msgspec.json.encode(decode(json.dumps(written), kind)))
    assert {field: found.get(field) for field in written} == written


@pytest.mark.parametrize("name", OLD)
def test_fields_of_a_version_to_come_are_passed_over(name: str) -> None:
    kind, written = OLD[name]
    later = {**written, "fromLater": {"deep": [1, 2]}, "alsoLater": None}
    assert decode(json.dumps(later), kind) == decode(json.dumps(written), kind)


def test_a_new_workers_observation_reaches_an_old_one_whole() -> None:
    sent = decode(json.dumps(OLD["seen"][1]), NewObservation)
    later = msgspec.structs.replace(sent, confidence=0.5)
    found = decode(encode(later), Observation)
    assert (found.id, found.key, found.seen) == ("o1", b"kandy/product/p1", sent.seen)


@pytest.mark.parametrize("kind", [Arrival, Reply, Command])
def test_a_kind_of_a_version_to_come_is_for_the_dead_letters(kind: Any) -> None:
    """Whoever reads it parks it whole, and it can be sent again once all are upgraded."""
    with pytest.raises(Undecodable, match="hologram"):
        decode(json.dumps({**ENTITY, "kind": "hologram"}), kind)


def test_an_unknown_result_is_no_guess() -> None:
    written = {**OLD["outcome"][1], "result": "half taken"}
    with pytest.raises(Undecodable, match="half taken"):
        decode(json.dumps(written), Outcome)


def test_headers_of_other_versions() -> None:
    envelope = Envelope(id="1", type="observation.seen", source="cdc", organization_id="kandy")
    later = [*envelope.headers(), ("ce_dataschema", b"2"), ("baggage", b"x=1")]
    assert read_envelope(later) == envelope
    assert read_envelope([("ce_id", b"1")]).id == "1"


def test_additions_to_a_record_are_read_by_old_workers() -> None:
    """And forgotten when they write it again: an addition that must not be raises FORMAT."""
    later = NewRecord("kandy", "product", "p1", epoch=3, version=2, warehouse="Galle")
    store = new_store()
    store.restore(0, 7, b"kandy/product/p1", encode(later))
    found = store.data[b"kandy/product/p1"]
    assert (found.version, found.epoch) == (2, 3)
    assert b"warehouse" not in encode(found)


@pytest.mark.parametrize("mark", [{"kind": "claim", "owner": "0@1", "at_ms": 1}, {}])
def test_partitions_that_older_workers_claimed_are_taken_over(mark: dict[str, Any]) -> None:
    store = new_store()
    store.restore(0, 7, CLAIM_KEY_PREFIX + b"0@1/1", encode(mark))
    assert store.claims == {0: 8}


def test_a_partition_that_a_newer_format_has_claimed_is_left_alone() -> None:
    store = new_store()
    store.restore(0, 7, CLAIM_KEY_PREFIX + b"0@1/1", encode(ClaimMark("0@1", 1, FORMAT)))
    with pytest.raises(NewerFormat, match="1@2 writes format"):
        store.restore(0, 8, CLAIM_KEY_PREFIX + b"1@2/2", encode(ClaimMark("1@2", 2, FORMAT + 1)))


def test_a_command_says_nothing_that_an_old_sink_would_need() -> None:
    """What is left out stands at its default, so a sink of either version does the same."""
    found = decode(json.dumps(OLD["write"][1]), Write)
    assert (found.expected, found.after, found.totals, found.epoch) == ({}, None, {}, 0)
