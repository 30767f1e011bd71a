from __future__ import annotations

import pytest

from connectors.errors import Paused, Retry
from connectors.protocol import Answer, Connection
from schemas.envelope import read_envelope
from schemas.observation import Seen
from streams.effects.ledger import CLAIM_MS, Entry
from streams.sinks.agent import Sink
from streams.sinks.lines import BATCH
from tests.streams.sinks.conftest import (
    CONNECTION,
    NOW_MS,
    Clock,
    Platform,
    World,
    chunk,
    claim,
    create,
    perform,
    read,
    write,
)


async def test_each_command_has_its_outcome(sink: Sink, platform: Platform, world: World) -> None:
    seen = Seen(external_id="1", fields={"name": "y"})
    platform.answers = {"b": Answer("refused", seen=seen, reason="expected")}
    await sink.handle(chunk(write("a"), write("b"), read("c")))
    first, second, third = world.outcomes()
    assert (first.result, first.op, first.entity_id, first.ticket) == ("taken", (5, 1), "a", None)
    assert (second.result, second.reason, second.seen) == ("refused", "expected", seen)
    assert (third.ticket, third.op) == ((5, 1), None)
    assert first.at_ms == NOW_MS
    assert world.published[0].key == b"org/product/a"
    envelope = read_envelope(world.published[0].headers)
    assert (envelope.traceparent, envelope.type) == ("00-aa-bb-01", "outcome.taken")
    assert world.capable == {"org/woocommerce": {"plugin": "1.0.0"}}


async def test_only_the_newest_of_an_entity_goes_out(sink: Sink, platform: Platform) -> None:
    await sink.handle(chunk(read("a"), write("a", 1), write("b"), write("a", 2), read("b", 9)))
    writes, reads = platform.asked
    assert [(one.entity_id, getattr(one, "op", None)) for one in writes] == [
        ("b", (5, 1)), ("a", (5, 2)),
    ]  # fmt: skip
    assert [one.entity_id for one in reads] == ["b"]


async def test_former_owners_are_fenced(sink: Sink, platform: Platform, world: World) -> None:
    await sink.handle(chunk(write("a", epoch=4), claim(5), write("b", epoch=5)))
    assert [one.entity_id for one in platform.asked[0]] == ["b"]
    assert world.claims == {("commands.woocommerce", 2): 5}
    await sink.handle(chunk(write("c", epoch=4), perform("late", epoch=4)))
    assert len(platform.asked) == 1
    assert platform.performed == []


async def test_commands_go_in_batches(sink: Sink, platform: Platform, world: World) -> None:
    await sink.handle(chunk(*(write(f"e{n}") for n in range(2 * BATCH + 1))))
    assert [len(batch) for batch in platform.asked] == [BATCH, BATCH, 1]
    assert len(world.published) == 2 * BATCH + 1


async def test_what_was_made_is_linked_before_it_is_told(
    sink: Sink, platform: Platform, world: World
) -> None:
    platform.answers = {
        "a": Answer("taken", external_id="41"),
        "b": Answer("refused", external_id="42", reason="sku"),
        "c": Answer("missing"),
    }
    await sink.handle(chunk(create("a"), create("b"), create("c"), write("d")))
    assert world.linked == [("product", "a", "41"), ("product", "b", "42")]


async def test_another_entitys_item_is_not_taken_from_it(
    sink: Sink, platform: Platform, world: World
) -> None:
    seen = Seen(external_id="42", fields={"sku": "TEA"})
    platform.answers = {"b": Answer("refused", external_id="42", reason="sku", seen=seen)}
    world.known = {("product", "42"): "a"}
    await sink.handle(chunk(create("b")))
    (outcome,) = world.outcomes()
    assert (outcome.result, outcome.reason) == ("failed", "sku: 42 is product a already")
    assert outcome.seen is None
    assert world.linked == []


async def test_ids_in_values_become_ours(sink: Sink, platform: Platform, world: World) -> None:
    lines = [{"productId": "412", "sku": "T"}, {"productId": "9"}, {"productId": None, "sku": "S"}]
    seen = Seen(external_id="1041", fields={"items": lines, "customerId": "31", "note": "n"})
    platform.answers = {"o1": Answer("taken", seen=seen, external_id="1041")}
    world.known = {("variation", "412"): "ours", ("customer", "31"): "person"}
    world.claimed_keys = {"sku:S": "claimed"}
    await sink.handle(chunk(create("o1", "order")))
    (outcome,) = world.outcomes()
    assert outcome.seen is not None
    assert outcome.seen.fields == {
        "items": [
            {"productId": "ours", "sku": "T"},
            {"productId": "9"},
            {"productId": "claimed", "sku": "S"},
        ],
        "customerId": "person",
        "note": "n",
    }


async def test_a_platform_out_of_reach_is_left_alone(
    sink: Sink, platform: Platform, world: World, clock: Clock
) -> None:
    platform.error = Retry("503")
    for _ in range(3):
        await sink.handle(chunk(write("a")))
    assert [one.result for one in world.outcomes()] == ["retry"] * 3
    waits = [(one.retry_at_ms or 0) - NOW_MS for one in world.outcomes()]
    assert waits == [1000, 2000, 5000]
    platform.error = None
    await sink.handle(chunk(write("a"), write("b")))
    assert len(platform.asked) == 3
    assert [one.retry_at_ms for one in world.outcomes()[3:]] == [NOW_MS + 5000] * 2
    clock.now_ms += 5000
    await sink.handle(chunk(write("a")))
    assert world.outcomes()[-1].result == "taken"


async def test_never_earlier_than_retry_after(
    sink: Sink, platform: Platform, world: World, clock: Clock
) -> None:
    platform.error = Retry("429", retry_after_s=30)
    await sink.handle(chunk(write("a")))
    platform.error = None
    clock.now_ms += 29_000
    await sink.handle(chunk(write("a")))
    assert [one.retry_at_ms for one in world.outcomes()] == [NOW_MS + 30_000] * 2
    assert len(platform.asked) == 1


async def test_an_answer_may_say_when(sink: Sink, platform: Platform, world: World) -> None:
    platform.answers = {"a": Answer("retry", reason="busy", retry_after_s=2), "b": Answer("retry")}
    await sink.handle(chunk(write("a"), write("b")))
    assert [one.retry_at_ms for one in world.outcomes()] == [NOW_MS + 2000, None]


async def test_a_wrong_key_waits_for_a_person(sink: Sink, platform: Platform, world: World) -> None:
    platform.error = Paused("401")
    await sink.handle(chunk(write("a")))
    platform.error = None
    await sink.handle(chunk(write("a")))
    assert len(platform.asked) == 1
    assert world.outcomes()[-1].reason == "401"
    world.connections["org/woocommerce"] = Connection(
        "c1", "org", "woocommerce", "woocommerce", {"site_url": "x"}, {"key": "new"}
    )
    await sink.handle(chunk(write("a")))
    assert world.outcomes()[-1].result == "taken"
    assert platform.closed == 1


async def test_a_paused_connection_is_read_but_not_written(
    sink: Sink, platform: Platform, world: World
) -> None:
    world.connections["org/woocommerce"] = Connection(
        "c1", "org", "woocommerce", "woocommerce", active=False
    )
    await sink.handle(chunk(write("a"), read("b")))
    assert [one.result for one in world.outcomes()] == ["retry", "taken"]
    assert [one.entity_id for batch in platform.asked for one in batch] == ["b"]


async def test_a_removed_connection(sink: Sink, platform: Platform, world: World) -> None:
    world.connections.clear()
    await sink.handle(chunk(write("a"), perform("k")))
    assert [one.result for one in world.outcomes()] == ["retry", "retry"]
    assert world.ledger == {}


async def test_a_command_that_breaks_us_stops_no_other(
    sink: Sink, platform: Platform, world: World
) -> None:
    platform.poison = "bad"
    await sink.handle(chunk(b"{}", write("a"), write("bad"), write("b")))
    results = {one.entity_id: one.result for one in world.outcomes()}
    assert results == {"a": "taken", "bad": "failed", "b": "taken"}
    assert len(world.parked) == 2
    assert all(one.startswith("sink.woocommerce: ") for one in world.parked)


async def test_an_effect_is_done_once(sink: Sink, platform: Platform, world: World) -> None:
    await sink.handle(chunk(perform("k"), perform("k"), perform("other")))
    await sink.handle(chunk(perform("k")))
    assert sorted(one.effect_key for one in platform.performed) == ["k", "other"]
    assert [one.result for one in world.outcomes()] == ["taken"] * 4
    assert world.outcomes()[0].effect_key
    assert world.ledger["k"].vendor_id == "wamid.1"


async def test_what_may_have_happened_is_not_repeated(
    sink: Sink, platform: Platform, world: World
) -> None:
    platform.answers = {"k": Answer("unknown", reason="no answer")}
    await sink.handle(chunk(perform("k")))
    await sink.handle(chunk(perform("k")))
    assert len(platform.performed) == 1
    assert [one.result for one in world.outcomes()] == ["unknown", "unknown"]


async def test_what_surely_did_not_happen_is_tried_again(
    sink: Sink, platform: Platform, world: World
) -> None:
    platform.answers = {"k": Answer("retry", retry_after_s=4)}
    await sink.handle(chunk(perform("k")))
    assert world.ledger["k"].state == "released"
    platform.error = Paused("190")
    platform.answers = {}
    await sink.handle(chunk(perform("k")))
    assert world.ledger["k"].state == "released"
    assert [one.retry_at_ms for one in world.outcomes()] == [NOW_MS + 4000, NOW_MS + 60_000]


async def test_a_claim_of_another_process_is_waited_for(
    sink: Sink, platform: Platform, world: World
) -> None:
    world.ledger["k"] = Entry("claimed", claimed_at_ms=NOW_MS)
    await sink.handle(chunk(perform("k")))
    assert platform.performed == []
    (outcome,) = world.outcomes()
    assert outcome.result == "retry"
    assert outcome.retry_at_ms == NOW_MS + CLAIM_MS + 1000


@pytest.mark.parametrize("state", ["sent", "failed", "unknown"])
async def test_the_ledgers_word_is_told(
    sink: Sink, platform: Platform, world: World, state: str
) -> None:
    world.ledger["k"] = Entry(state, reason="why")  # type: ignore[arg-type]
    await sink.handle(chunk(perform("k")))
    expected = {"sent": "taken"}.get(state, state)
    assert [(one.result, one.reason) for one in world.outcomes()] == [(expected, "why")]


async def test_closing(sink: Sink, platform: Platform, world: World) -> None:
    await sink.handle(chunk(write("a")))
    await sink.close()
    assert platform.closed == 1
    assert CONNECTION.secrets == {"key": "k"}
    assert "'k'" not in repr(CONNECTION)
