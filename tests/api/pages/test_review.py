"""Your decision: cards, forms and lists without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.pages.review import card, read_choice
from api.shapes import LiveSuggestion, live_conflict
from schemas.feed import ConflictLine
from schemas.policy import Rule
from support.desk import Desk
from tests.api.pages.test_views import OURS, conflict, log_in, show

servers = pytest.mark.servers


def suggestion(**named: Any) -> LiveSuggestion:
    values: dict[str, Any] = {
        "resolution": "keep",
        "side": "woocommerce",
        "confidence": 0.9,
        "accuracy": 0.92,
        "based_on": 10,
        "reason": "In 9 of the last 10 times you kept WooCommerce.",
    }
    return LiveSuggestion(**{**values, **named})


def shown(line: ConflictLine, told: LiveSuggestion | None = None) -> dict[str, Any]:
    return card(live_conflict(line, told), line, 0)


def test_each_side_has_a_button_that_says_exactly_one_thing() -> None:
    line = conflict(candidates={"agreed": 12, "woocommerce": 9, "mongodb": 7, "whatsapp": None})
    assert [side["choice"] for side in shown(line)["sides"]] == [
        "keep:mongodb",
        "keep:whatsapp",
        "keep:woocommerce",
        "keep:agreed",
    ]


@pytest.mark.parametrize(
    ("told", "side"),
    [
        (suggestion(), "woocommerce"),
        (suggestion(resolution="newest", side=""), "mongodb"),
        (suggestion(resolution="merge", side=""), ""),
        (None, ""),
    ],
)
def test_a_suggestion_marks_the_side_it_means(told: LiveSuggestion | None, side: str) -> None:
    line = conflict(stamps={"mongodb": 20, "woocommerce": 10})
    marked = [one["side"] for one in shown(line, told)["sides"] if one["suggested"]]
    assert marked == [side] * bool(side)


@pytest.mark.parametrize(
    ("named", "merges", "types"),
    [
        ({}, False, True),
        ({"field": "tags", "candidates": {"mongodb": ["a"], "woocommerce": ["b"]}}, True, False),
        ({"field": "name", "candidates": {"mongodb": "a", "woocommerce": "b"}}, True, True),
        (
            {"field": "existence", "candidates": {"mongodb": "kept", "woocommerce": "deleted"}},
            False,
            False,
        ),
    ],
)
def test_only_what_can_be_done_is_offered(named: dict[str, Any], merges: bool, types: bool) -> None:
    found = shown(conflict(**named))
    assert (found["merges"], found["types"]) == (merges, types)


@pytest.mark.parametrize(
    ("named", "typed", "value"),
    [
        ({}, " 1,900.50 ", "1900.5"),
        ({"type": "inventory", "field": "quantity", "candidates": {"a": 1, "b": 2}}, "1,200", 1200),
        ({"field": "name", "candidates": {"a": "x", "b": "y"}}, "1,200 ", "1,200 "),
    ],
)
def test_a_typed_value_becomes_one_of_the_field(
    named: dict[str, Any], typed: str, value: Any
) -> None:
    word = read_choice("typed", typed, conflict(**named))
    assert (word.resolution, word.value) == ("manual", value)


@pytest.mark.parametrize("typed", ["about 5", "1.5.2", "five"])
def test_what_is_no_number_is_not_taken_for_one(typed: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        read_choice("typed", typed, conflict())


async def forms(client: Any, pattern: str) -> list[str]:
    page = await client.get("/sync")
    return re.findall(rf'action="({pattern}[^"]*)"', page.text)


@servers
async def test_a_decision_by_plain_form_and_back(api: Any, desk: Desk) -> None:
    line = await desk.contest()
    async with api.client() as client:
        await log_in(api, client)
        action = (await forms(client, "/sync/conflicts/"))[0]
        form = {"version": str(line.version), "choice": "keep:woocommerce"}
        stale = await client.post(action, data={**form, "version": "2"}, headers=OURS)
        assert stale.headers["location"].startswith("/sync?note=changed")
        decided = await client.post(action, data=form, headers=OURS)
        page = (await client.get(decided.headers["location"])).text
        assert "Somebody on this page decided this just now" in page
        assert "kept WooCommerce&#39;s 1,950.00" in page
        undone = await client.post((await forms(client, "/sync/undo/"))[0], data={}, headers=OURS)
        assert undone.headers["location"].startswith("/sync?note=undone")
        assert await forms(client, "/sync/conflicts/")


@servers
async def test_a_typed_value_always_and_all_alike_by_plain_form(api: Any, desk: Desk) -> None:
    first, second, third = [await desk.contest(f"p{n}") for n in (1, 2, 3)]
    path = "/sync/conflicts/{}".format
    async with api.client() as client:
        await log_in(api, client)
        wrong = {"version": str(first.version), "choice": "typed", "value": "cheap"}
        answer = await client.post(path(first.id), data=wrong, headers=OURS)
        assert answer.headers["location"].startswith("/sync?note=value")
        right = {**wrong, "value": "1,920"}
        await client.post(path(first.id), data=right, headers=OURS)
        assert desk.items[b"kandy/product/p1"].agreed("price") == "1920"
        both = {
            "version": str(second.version),
            "choice": "keep:mongodb",
            "always": "true",
            "alike": "true",
        }
        answer = await client.post(path(second.id), data=both, headers=OURS)
        assert answer.headers["location"].startswith("/sync?note=many&action=")
        page = (await client.get(answer.headers["location"])).text
        assert "Undo all" in page
    assert desk.items[b"kandy/product/p3"].agreed("price") == "1899.5"
    assert (await api.services.conflicts.get("kandy", third.id)).status == "resolved"
    rules = (await api.services.directory.rulebook.newest("kandy")).policies.rules
    assert rules == (Rule(type="product", field="price", platform="woocommerce", winner="mongodb"),)


@servers
async def test_what_rules_decided_is_listed_with_a_way_back(api: Any, desk: Desk) -> None:
    await desk.contest("p1", Rule(policy="newest"))
    async with api.client() as client:
        await log_in(api, client)
        page = (await client.get("/sync")).text
        assert "Your rule kept WooCommerce&#39;s 1,950.00 (the newer change)" in page
        (action,) = await forms(client, "/sync/undo/")
        await client.post(action, data={}, headers=OURS)
    assert desk.items[b"kandy/product/p1"].agreed("price") == "1899.5"


@servers
async def test_what_a_brake_holds_is_one_card_and_one_list(api: Any) -> None:
    held: dict[str, Any] = {
        "type": "inventory",
        "field": "quantity",
        "brake": "stock",
        "challenger": "woocommerce",
        "policy": "brake",
    }
    await show(
        api,
        *(
            conflict(
                id=f"kandy.inventory.i/{n}.quantity.2",
                entity_id=f"i/{n}",
                label=f"TEA-{n}",
                candidates={"mongodb": 12 + n, "woocommerce": 0},
                opened_at_ms=1_795_000_000_000 + n,
                **held,
            )
            for n in range(7)
        ),
    )
    async with api.client() as client:
        await log_in(api, client)
        page = (await client.get("/sync")).text
        assert "WooCommerce reports 7 products at 0" in page
        assert page.count("<del>") == 5
        assert await forms(client, "/sync/conflicts/") == []
        everything = (await client.get("/sync/batches/stock.inventory.woocommerce")).text
        assert everything.count("<del>") == 7
        form = {"word": "reject", "until_ms": "1795000000003"}
        action = (await forms(client, "/sync/batches/"))[0]
        answer = await client.post(action, data=form, headers=OURS)
        assert answer.headers["location"].startswith("/sync?note=job")
        assert "Keeping what you have</span>: 0 of 4" in (await client.get("/sync")).text
        gone = await client.post("/sync/batches/price.product.x", data=form, headers=OURS)
        assert gone.headers["location"].startswith("/sync?note=gone")
