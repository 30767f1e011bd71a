"""The demo's parts that need no servers."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from runtime.convergence import Judgement, Places
from runtime.demo.board import Board
from runtime.demo.handle import Handle, clear_handle, read_handle
from runtime.demo.scenes import EVENTS, BadSetting, Given
from runtime.demo.story import Tally, percentile
from runtime.demo.watch import Change, Expectation, Landing
from runtime.lock import HomeLock
from sandbox.client import ShopAccess

PLACES = Places({"KAFKA_URL": "k"}, "mongodb://m", "http://s", "demo", "demo", "1")
SHOP = ShopAccess("demo", "http://s/shops/demo", "ck", "cs", "w", True)


def price_is(value: str) -> Expectation:
    return Expectation("woocommerce", "price", lambda landing: landing.fields == {"price": value})


def landing(value: str, at_ms: float, place: str = "woocommerce") -> Landing:
    return Landing(place, "product", "412", {"price": value}, at_ms)


def test_what_landed_before_the_change_is_not_its_own() -> None:
    expected = price_is("7")
    assert not expected.is_met_by(landing("7", 900), since_ms=1000)
    assert not expected.is_met_by(landing("8", 1100), since_ms=1000)
    assert not expected.is_met_by(landing("7", 1100, "mongodb"), since_ms=1000)
    assert expected.is_met_by(landing("7", 1100), since_ms=1000)


def test_latency_counts_from_the_acknowledgement() -> None:
    change = Change("price", "mongodb", [price_is("7")], began_ms=1000, acknowledged_ms=1010)
    (expected,) = change.expected
    assert change.latency_ms(expected) is None
    assert not change.arrived
    expected.landed_ms = 1050
    assert change.latency_ms(expected) == 40
    expected.landed_ms = 1005  # it was quicker than the answer to the edit
    assert change.latency_ms(expected) == 0


def test_the_summary_counts_what_did_not_arrive() -> None:
    here, there = price_is("7"), price_is("8")
    here.landed_ms = 30.0
    change = Change("price", "mongodb", [here, there], acknowledged_ms=10)
    same = Judgement(differences=(), compared=3, contested=0, waiting=0)
    assert Tally([change], conflicts=1).summary(same).as_json() == {
        "changes": 1,
        "arrived": 1,
        "lost": 1,
        "conflicts": 1,
        "p50_ms": 20.0,
        "p99_ms": 20.0,
        "converged": True,
    }


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile([], 50) is None
    assert percentile([5.0], 99) == 5.0
    hundred = [float(n) for n in range(1, 101)]
    assert (percentile(hundred, 50), percentile(hundred, 99)) == (50.0, 99.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"sku": "NOPE"}, "no product NOPE"), ({"price": "much"}, "must be an amount")],
)
def test_settings_that_cannot_be_are_told(settings: dict[str, str], words: str) -> None:
    given = Given(settings)
    with pytest.raises(BadSetting, match=words):
        given.price(given.product())


@pytest.mark.parametrize("quantity", ["0", "-1", "two"])
def test_a_quantity_is_a_number_over_zero(quantity: str) -> None:
    with pytest.raises(BadSetting, match="quantity must be"):
        Given({"quantity": quantity}).number("quantity", 1)


def test_every_event_says_what_it_is() -> None:
    assert all(build.__doc__ for build in EVENTS.values())


def test_without_a_terminal_a_change_is_a_line() -> None:
    output = io.StringIO()
    board = Board(Console(file=output, width=200))
    expected = price_is("7")
    change = Change("TEA: price 7", "mongodb", [expected], acknowledged_ms=10)
    with board.shown():
        board.begin(change)
        board.end(change, complete=False)
        expected.landed_ms = 52
        board.end(change, complete=True)
    first, second = output.getvalue().splitlines()
    assert first == "✘ TEA: price 7  [MongoDB]  WooCommerce MISSING price"
    assert second == "✔ TEA: price 7  [MongoDB]  WooCommerce 42 ms"


def test_only_a_running_demo_is_found(tmp_path: Path) -> None:
    handle = Handle(
        pid=os.getpid(), url="http://u", api_key="ssk_1", shop=SHOP, number="1", places=PLACES
    )
    assert read_handle(tmp_path) is None
    lock = HomeLock(tmp_path)
    lock.acquire()
    try:
        handle.write(tmp_path)
        assert read_handle(tmp_path) == handle
        assert (tmp_path / "run" / "demo.json").stat().st_mode & 0o777 == 0o600
        handle.model_copy(update={"pid": 1}).write(tmp_path)
        assert read_handle(tmp_path) is None
        clear_handle(tmp_path)
        assert read_handle(tmp_path) is None
    finally:
        lock.release()
