"""History on the running product: archived, replayed without touching anything, erased."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runtime.demo.merchant import Merchant, Platforms
from runtime.demo.system import System
from runtime.holdings import Tape
from schemas.topics import COMMANDS
from streams.archive.checking import check
from streams.archive.joined import Sources, history
from streams.archive.manifest import Manifest
from streams.archive.opening import open_sources
from streams.archive.reading import Query, open_archive
from streams.archive.replaying import Lines, TopicTarget, replay
from streams.database import Database
from streams.entities import find_record
from streams.timetravel import Fold
from support.small_shop import settled, sku, stock_up
from support.waiting import until
from tests.integration.conftest import OpenMerchant

pytestmark = pytest.mark.timeout(240)

MAIL = "nimal.perera@example.lk"
BILLING = {
    "first_name": "Nimal", "last_name": "Perera", "address_1": "5 Temple Road", "city": "Kandy",
    "country": "LK", "email": MAIL, "phone": "+94771234567",
}  # fmt: skip
SECRETS = ("771234567", "nimal.perera", "Temple Road")


@pytest.fixture
async def sources(system: System) -> AsyncIterator[Sources]:
    async with open_sources(system.endpoints(), system.environment(), system.home) as opened:
        yield opened


@pytest.fixture
async def shop(new_merchant: OpenMerchant) -> AsyncIterator[Merchant]:
    async with new_merchant(Platforms(load=False)) as merchant:
        await stock_up(merchant, 3, 10)
        await merchant.sandbox.create_customer(
            merchant.shop.name, email=MAIL, first_name="Nimal", last_name="Perera", billing=BILLING
        )
        await merchant.sandbox.sell(merchant.shop.name, sku(1), 2, customer=MAIL)
        await settled(merchant, 60)
        yield merchant


async def commands(system: System, organization_id: str) -> int:
    """How many records of this organisation are in the topics that platforms are written from."""
    mine, found = f"{organization_id}/".encode(), 0

    def count(message: Any) -> None:
        nonlocal found
        found += (message.key or b"").startswith(mine)

    names = [f"{system.prefix}{topic.name}" for topic in COMMANDS.values()]
    async with Tape(system.kafka(), *names) as tape:
        await tape.read(count)
    return found


async def reached_out(system: System, merchant: Merchant) -> tuple[int, ...]:
    """Messages sent, catalogue writes, writes in the shop, commands."""
    sandbox = merchant.sandbox
    return (
        len(await sandbox.messages(merchant.number)),
        len(await sandbox.catalogue_writes(merchant.number)),
        len(await sandbox.writes(merchant.shop.name)),
        await commands(system, merchant.organization_id),
    )


async def at_rest(system: System, merchant: Merchant) -> tuple[int, ...]:
    """The same, once it stays so."""
    seen: list[tuple[int, ...]] = []

    async def look() -> bool:
        seen.append(await reached_out(system, merchant))
        return len(seen) > 4 and len(set(seen[-4:])) == 1

    await until(look, bool, limit_s=60, every_s=0.5)
    return seen[-1]


async def test_replayed_it_is_the_present_and_touches_nothing(
    system: System, shop: Merchant, sources: Sources, tmp_path: Path
) -> None:
    before = await at_rest(system, shop)
    query = Query(organization=shop.organization_id, system=True)
    for target in (
        Lines(tmp_path / "all.jsonl"),
        TopicTarget(sources.endpoints, f"mine-{shop.organization_id}"),
    ):
        async for _ in replay(history(sources, query), target):
            pass
        await target.close()
    kinds: set[str] = set()

    async def differences() -> list[str]:
        """Of what history says stands and what the view shows, which is a moment behind."""
        fold = Fold()
        async for batch in history(sources, query):
            for event in batch:
                fold.take(event)
                kinds.add(event.topic)
        held = fold.held.items()
        there = {key: await _present(sources.database, one.event) for key, one in held}
        return [str(key) for key, one in held if there[key] != one.record()] or [""] * (not held)

    await until(differences, lambda found: not found, limit_s=30, every_s=1.0)
    assert kinds >= {"inbound", "observations", "outcomes", "feed", "entities-changelog"}
    assert await reached_out(system, shop) == before


async def _present(database: Database, event: Any) -> Any:
    return await find_record(database, event.organization, event.type, event.entity_id)


async def test_over_http_page_by_page_and_only_ones_own(
    shop: Merchant, new_merchant: OpenMerchant
) -> None:
    path = "/api/replay?type=order&topic=feed&topic=observations"

    async def all_of_it() -> list[dict[str, Any]]:
        return await lines(shop, f"{path}&limit=1000")

    # What is younger than two seconds is for the next page.
    whole = await until(all_of_it, lambda found: any(one["topic"] == "feed" for one in found))
    assert {one["organizationId"] for one in whole} == {shop.organization_id}
    assert {one["type"] for one in whole} == {"order"}
    paged: list[dict[str, Any]] = []
    while True:
        cursor = f"&cursor={paged[-1]['cursor']}" if paged else ""
        page = await lines(shop, f"{path}&limit=2{cursor}")
        paged += page
        if len(page) < 2:
            break
    assert paged[: len(whole)] == whole
    async with new_merchant(Platforms(load=False, number=False)) as stranger:
        assert await lines(stranger, "/api/replay?type=order") == []
        denied = await stranger.web.get(
            f"/api/replay?organizationId={shop.organization_id}",
            headers={"X-API-Key": stranger.api_key},
        )
        assert denied.status_code == 404
    wrong = await shop.web.get("/api/replay?cursor=x", headers={"X-API-Key": shop.api_key})
    assert wrong.status_code == 400


async def lines(merchant: Merchant, path: str) -> list[dict[str, Any]]:
    answer = await merchant.web.get(path, headers={"X-API-Key": merchant.api_key})
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_archive_is_whole_and_an_erased_customer_is_nowhere(
    shop: Merchant, sources: Sources
) -> None:
    asked = {"customer": MAIL, "dryRun": True}
    told = await shop.ask("POST", "/api/erasure", asked)
    assert told["entities"]["customer"] == told["entities"]["order"] == 1
    begun = await shop.ask("POST", "/api/erasure", {"customer": MAIL})

    async def proof() -> Any:
        return await shop.ask("GET", f"/api/erasure/{begun['erasureId']}")

    found = await until(proof, lambda one: one["state"] == "done", limit_s=120)
    left = found["proof"]["left"]
    assert (left["engine"], left["archiveEvents"], left["views"]) == ([], 0, {}), left
    assert left["yourOwnCollections"] == {}, await shop.collection("messages").find_one(
        {"organizationId": shop.organization_id}
    )
    batches = history(sources, Query(organization=shop.organization_id))
    replayed = "\n".join([repr(event) async for batch in batches for event in batch])
    assert [secret for secret in SECRETS if secret in replayed] == []
    assert '"total":["' in replayed  # what was sold, was sold
    manifest = Manifest(sources.database, sources.location.name)
    await until(manifest.status, lambda one: one is not None and one["alarm"] == "", limit_s=60)
    assert check(await open_archive(sources.database, sources.location)).whole
