"""One language: statuses, words, times, labels, events."""

from __future__ import annotations

import base64
from itertools import permutations

import pytest

from connectors.couriers.labels import BadLabel, label_of
from connectors.couriers.model import Event, current, merged, tracked
from connectors.couriers.status import by_words, slowest
from connectors.couriers.times import estimate, moment_of, zone
from sandbox.couriers.labels import GIF, pdf


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("Delivered", "delivered"),
        ("Not delivered: nobody at home", "exception"),
        ("Shipment not yet delivered", "exception"),
        ("Out for Delivery Today", "out_for_delivery"),
        ("Delivery attempt made", "exception"),
        ("Returned to shipper", "returned"),
        ("Return delivered soon", "exception"),
        ("Will be delivered tomorrow", None),
        ("Picked up from shipper", "picked_up"),
        ("Departed facility", "in_transit"),
        ("Shipment information received", "created"),
        ("Cancelled by sender", "cancelled"),
        ("Customs paperwork updated", None),
        ("", None),
    ],
)
def test_words_are_read_most_specific_first(words: str, status: str | None) -> None:
    assert by_words(words) == status


@pytest.mark.parametrize(
    ("text", "forms", "at", "assumed"),
    [
        ("2026-02-06T14:10:00+05:30", ["iso"], 1770367200000, False),
        ("2026-02-06T08:40:00Z", ["iso"], 1770367200000, False),
        ("2026-02-06T08:40:00.000000Z", ["iso"], 1770367200000, False),
        ("2026-02-06T14:10:00", ["iso"], 1770367200000, True),
        ("06-02-2026 14:10", ["%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M"], 1770367200000, True),
        (" 2026/02/06 02:10:00 PM ", ["%Y/%m/%d %I:%M:%S %p"], 1770367200000, True),
    ],
)
def test_times(text: str, forms: list[str], at: int, assumed: bool) -> None:
    """All are 2026-02-06 08:40 UTC; without an offset Colombo's is taken."""
    moment = moment_of(text, "Asia/Colombo", forms)
    assert moment is not None
    assert (moment.at_ms, moment.assumed) == (at, assumed)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00"])
def test_what_is_no_time(text: str) -> None:
    assert moment_of(text) is None


def test_an_expected_day_stays_a_day() -> None:
    assert estimate("2026-02-06", "Asia/Colombo") == "2026-02-06"
    assert estimate("2026-02-06T23:59:00", "Asia/Colombo") == "2026-02-06T18:29:00Z"
    assert estimate("soon", "Asia/Colombo") is None


def test_unknown_zones_are_refused() -> None:
    for name in ("Asia/Atlantis", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            zone(name)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (base64.b64encode(pdf("1")).decode(), "pdf"),
        (list(pdf("1")), "pdf"),
        (pdf("1"), "pdf"),
        (base64.b64encode(GIF).decode(), "gif"),
        (base64.b64encode(b"^XA^FDx^FS^XZ").decode(), "zpl"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n\x00").decode(), "png"),
        ("JVBE\nRi0x\n", "pdf"),
    ],
)
def test_labels(value: object, form: str) -> None:
    assert label_of(value).format == form


@pytest.mark.parametrize(
    "value", [None, "", [], {}, "no base64!", "bm8gbGFiZWw=", [37, 80, 999], [None], 12]
)
def test_what_is_no_label(value: object) -> None:
    with pytest.raises(BadLabel):
        label_of(value)


def event(at_ms: int | None, status: str | None, code: str = "x", **more: object) -> Event:
    return Event("c", "1", at_ms, code, code, status=status, **more)  # type: ignore[arg-type]


def test_the_latest_instant_decides_whatever_the_order() -> None:
    events = [
        event(1, "created", "a"),
        event(3, "out_for_delivery", "b"),
        event(2, "in_transit", "c"),
        event(4, None, "d", info=True),
        event(None, "delivered", "e"),
    ]
    for order in permutations(events):
        found = current(order)
        assert found is not None
        assert found.status == "out_for_delivery"
        assert tracked("c", "1", order) == tracked("c", "1", events)


def test_of_one_instant_the_further_status_counts() -> None:
    events = [event(1, "delivered", "a"), event(1, "out_for_delivery", "b")]
    assert current(events) == current(events[::-1]) == events[0]


def test_a_courier_s_own_summary_counts_before_its_events() -> None:
    assert tracked("c", "1", [event(1, "in_transit")], "delivered").status == "delivered"


def test_repeats_and_late_arrivals_change_nothing_else() -> None:
    known = (event(1, "created", "a"), event(3, "in_transit", "c"))
    late = event(2, "picked_up", "b")
    assert merged(known, known) == known
    assert merged(known, [late]) == (known[0], late, known[1])
    # The same key with better words replaces.
    better = event(3, "in_transit", "c", note="hub")
    assert merged(known, [better]) == (known[0], better)


def test_since_when_a_status_holds() -> None:
    events = [event(1, "created", "a"), event(2, "in_transit", "b"), event(3, "in_transit", "c"),
              event(4, None, "d", info=True)]  # fmt: skip
    assert tracked("c", "1", events).status_changed_at_ms == 2


def test_several_parcels() -> None:
    assert slowest(["delivered", "delivered"]) == "delivered"
    assert slowest(["delivered", "picked_up"]) == "picked_up"
    assert slowest(["delivered", "exception"]) == "exception"
    assert slowest([None, "delivered"]) == "delivered"
    assert slowest([]) is None
