"""The certificate in words a shop owner understands, and over HTTP."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from api.certificate import certificate_shown, verdict
from runtime.commands.certificate import show
from streams.database import Database
from streams.upkeep.drift.certificates import Certificate, Certificates, Difference

AT = 1_795_000_000_000
REPLICAS = ("mongodb", "woocommerce")


def row(replica: str = "woocommerce", kind: str = "product", **more: Any) -> Certificate:
    values: dict[str, Any] = {"at_ms": AT, "compared": 10_240, "root_theirs": "a", "root_ours": "a"}
    return Certificate("kandy", replica, kind, **{**values, **more})


def different(**states: int) -> Certificate:
    detail = tuple(
        Difference(f"p{n}", str(400 + n), state, f"Tea {n}", ("price",))  # type: ignore[arg-type]
        for n, state in enumerate(states)
    )
    return row(states=states, differences=detail, root_ours="b")


def test_nothing_compared_yet_says_when_it_will_be() -> None:
    told = certificate_shown([], REPLICAS, {})
    assert told.same is None
    assert "Nothing has been compared yet" in told.verdict
    assert "--run" in told.verdict
    assert [one.same for one in told.platforms] == [None, None]


def test_all_the_same_in_one_sentence() -> None:
    rows = [row("mongodb", compared=12_001), row(), row(kind="order", compared=3)]
    told = certificate_shown(rows, REPLICAS, {})
    assert told.same is True
    assert told.verdict == (
        "Everything is the same (12,001 in your app and 10,243 on WooCommerce compared)."
    )
    assert told.at == "2026-11-18T11:06:40.000Z"


def test_differences_say_what_is_the_matter() -> None:
    assert verdict([different(asked=2, moving=1)], ["woocommerce"]) == (
        "3 items differ (10,240 on WooCommerce compared): 2 wait for your decision, "
        "1 is just being written."
    )
    assert verdict([different(refused=1)], ["woocommerce"]).startswith("1 item differs")
    assert "Not compared yet: Your app." in verdict([different(asked=1)], REPLICAS)


def test_a_difference_names_the_item_and_its_fields() -> None:
    told = certificate_shown([different(drift=1)], ["woocommerce"], {"woocommerce": "job1"})
    [platform] = told.platforms
    [one] = platform.types
    [difference] = one.differences
    assert (platform.same, platform.running, one.same) == (False, "job1", False)
    assert (difference.label, difference.fields) == ("Tea 0", ("price",))
    assert difference.what == "changed unnoticed, not healed yet"


def test_unequal_roots_are_never_called_the_same() -> None:
    [platform] = certificate_shown([row(root_ours="b")], ["woocommerce"], {}).platforms
    assert platform.same is False


def test_a_platform_that_was_disconnected_does_not_count() -> None:
    told = certificate_shown([row(), different(asked=4)], ["mongodb"], {})
    assert told.same is None


def test_the_terminal_shows_verdict_table_and_differences() -> None:
    console = Console(record=True, width=160, highlight=False, soft_wrap=True, file=io.StringIO())
    show(console, certificate_shown([row("mongodb"), different(asked=1)], REPLICAS, {}))
    text = console.export_text()
    assert "1 waits for your decision" in text
    assert "WooCommerce product Tea 0 (price): waits for your decision" in text
    assert "10,240" in text


@pytest.mark.servers
async def test_over_http_it_is_shown_and_run(api: Any) -> None:
    database: Database = api.services.database
    await Certificates(database).save([row("mongodb"), row("mongodb", "order", compared=2)])
    await Certificates(database).save([row("mongodb", compared=12)])
    async with api.client("kandy") as client:
        shown = (await client.get("/api/sync/certificate")).json()
        asked = await client.post("/api/sync/certificate")
        again = (await client.post("/api/sync/certificate")).json()
        running = (await client.get("/api/sync/certificate")).json()
    async with api.client("galle") as client:
        other = (await client.get("/api/sync/certificate")).json()
    [platform] = shown["platforms"]
    assert (shown["same"], platform["replica"]) == (True, "mongodb")
    assert [(one["type"], one["compared"]) for one in platform["types"]] == [
        ("order", 2),
        ("product", 12),
    ]
    assert asked.status_code == 202
    [job] = asked.json()["jobs"]
    assert (job["kind"], job["replica"], job["state"]) == ("drift", "mongodb", "queued")
    assert again["jobs"][0]["id"] == job["id"], "one at a time"
    assert running["platforms"][0]["running"] == job["id"]
    assert other["same"] is None
