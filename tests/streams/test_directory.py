"""Organisations, connections and policies against a real MongoDB."""

from __future__ import annotations

import itertools

import pytest
from pydantic import SecretStr

from schemas.policy import Rule
from streams.connections import MOST_CLAIMANTS, SETTLE_MS
from streams.database import INDEXES, Database, ensure_indexes
from streams.directory import (
    Directory,
    Invalid,
    NotFound,
    Stale,
    Taken,
    ensure_default_organization,
)
from streams.keyring import Keyring
from streams.platforms import PlatformEnvironment

pytestmark = pytest.mark.servers

RING = Keyring([b"k" * 32])
SHOP = {"site_url": "https://shop.example", "currency": "LKR"}
KEYS = {"consumer_key": "ck_0123456789abcdef", "consumer_secret": "cs_0123456789abcdef"}


class Clock:
    """Time that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(fresh: Database) -> Database:
    return fresh


def directory(
    database: Database, environment: PlatformEnvironment | None = None, ring: Keyring = RING
) -> Directory:
    return Directory(database, ring, environment, clock=Clock())


async def test_indexes_can_be_made_twice(database: Database) -> None:
    await ensure_indexes(database)
    made = await database["ss_links"].index_information()
    assert {index.document["name"] for index in INDEXES["ss_links"]} < set(made)


async def whose(found: Directory, api_key: str) -> str | None:
    key = await found.keys.find(api_key)
    return None if key is None else key.organization_id


async def test_a_key_names_its_organisation_and_is_stored_hashed(database: Database) -> None:
    found = directory(database)
    organization_id, api_key = await found.create_organization("kandy", "Kandy Tea")
    assert organization_id == "kandy"
    assert await whose(found, api_key) == "kandy"
    assert await whose(found, api_key + "x") is None
    row = await database["ss_organizations"].find_one({"_id": "kandy"})
    assert api_key not in str(row)
    second, _ = await found.keys.add("kandy")
    assert await whose(found, second) == "kandy"
    assert await found.name_of("kandy") == "Kandy Tea"


async def test_names_are_taken_once_and_hold_no_slash(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    with pytest.raises(Taken):
        await found.create_organization("kandy")
    for bad in ("", "a/b", "$x", "a" * 65):
        with pytest.raises(Invalid):
            await found.create_organization(bad)
    assert await found.exists("kandy")
    assert not await found.exists("galle")


async def test_the_default_organisation_is_made_once(database: Database) -> None:
    found = directory(database)
    assert await ensure_default_organization(found, show=False) is None
    assert await found.exists("default")
    api_key = await ensure_default_organization(found)
    assert api_key is not None
    assert await whose(found, api_key) == "default"
    assert await ensure_default_organization(found) is None


async def test_secrets_are_sealed_and_only_hinted_at(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    connection = await found.connect("kandy", "woocommerce", SHOP, KEYS)
    assert dict(connection.secrets) == KEYS
    assert "ck_0123" not in repr(connection)
    row = await database["ss_integrations"].find_one({})
    assert "0123456789" not in str(row)
    shown = (await found.integrations("kandy"))[0]
    assert shown.secrets["consumer_key"].hint == "cdef"
    assert shown.settings == SHOP


async def test_mongodb_is_always_connected(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    (only,) = await found.connections("kandy")
    assert (only.replica, only.platform, only.active) == ("mongodb", "mongodb", True)
    with pytest.raises(Invalid):
        await found.connect("kandy", "mongodb", {}, {})


async def test_connecting_again_changes_and_keeps_what_is_not_named(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    first = await found.connect("kandy", "woocommerce", SHOP, KEYS)
    second = await found.connect(
        "kandy", "woocommerce", {"currency": ""}, {"webhook_secret": "hook"}, active=False
    )
    assert second.id == first.id
    assert second.settings == {"site_url": "https://shop.example"}
    assert second.secrets == {**KEYS, "webhook_secret": "hook"}
    assert not second.active


async def test_another_organisations_integration_is_not_there(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    await found.create_organization("galle")
    mine = await found.connect("kandy", "woocommerce", SHOP, KEYS)
    with pytest.raises(NotFound):
        await found.change("galle", mine.id, active=False)
    with pytest.raises(NotFound):
        await found.remove("galle", mine.id)
    with pytest.raises(NotFound):
        await found.integration("galle", mine.id)
    await found.remove("kandy", mine.id)
    assert await found.connection("kandy", "woocommerce") is None


@pytest.mark.parametrize("name", ["a.b", "$set", "", "x" * 65])
async def test_field_names_cannot_reach_into_the_document(database: Database, name: str) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    with pytest.raises(Invalid):
        await found.connect("kandy", "woocommerce", {name: "x"}, {})


async def test_the_environment_fills_the_default_organisation_only(database: Database) -> None:
    environment = PlatformEnvironment(
        woocommerce_url="https://shop.example/",
        woocommerce_consumer_key=SecretStr("ck_env"),
        whatsapp_phone_number_id="1068",
        whatsapp_verify_token=SecretStr("let-me-in"),
    )
    found = directory(database, environment)
    await found.create_organization("default")
    await found.create_organization("kandy")
    names = [connection.replica for connection in await found.connections("default")]
    assert names == ["mongodb", "woocommerce", "whatsapp"]
    assert [c.replica for c in await found.connections("kandy")] == ["mongodb"]
    (by_number,) = await found.find_connections("whatsapp", "phone_number_id", "1068")
    assert by_number is not None
    assert by_number.organization_id == "default"
    assert await found.knows_secret("whatsapp", "verify_token", "let-me-in")
    assert not await found.knows_secret("whatsapp", "verify_token", "guess")
    stored = await found.connect("default", "woocommerce", SHOP, KEYS)
    assert await found.connection("default", "woocommerce") == stored


async def test_a_number_finds_its_organisation(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    await found.connect("kandy", "whatsapp", {"phone_number_id": "77"}, {"verify_token": "vt"})
    (number,) = await found.find_connections("whatsapp", "phone_number_id", "77")
    assert number.organization_id == "kandy"
    assert await found.find_connections("whatsapp", "phone_number_id", "78") == ()
    assert await found.knows_secret("whatsapp", "verify_token", "vt")


async def test_many_who_type_a_number_in_do_not_hide_its_owner(database: Database) -> None:
    clock = itertools.count()
    found = Directory(database, RING, clock_ms=lambda: next(clock))
    names = ["owner", *(f"squatter-{n}" for n in range(MOST_CLAIMANTS + 5))]
    for name in names:
        await found.create_organization(name)
        await found.connect(name, "whatsapp", {"waba_id": "55"}, {"app_secret": name})
    claimed = await found.find_connections("whatsapp", "waba_id", "55")
    assert [one.organization_id for one in claimed] == names[:MOST_CLAIMANTS]


async def test_a_lost_key_stops_that_connection_and_no_other(database: Database) -> None:
    await directory(database).create_organization("kandy")
    await directory(database).connect("kandy", "woocommerce", SHOP, KEYS)
    other = directory(database, ring=Keyring([b"z" * 32]))
    mongodb, woocommerce = await other.connections("kandy")
    assert mongodb.active
    assert not woocommerce.active
    assert woocommerce.secrets == {}
    assert "SMARTSTORE_SECRET_KEY" in (await other.integrations("kandy"))[0].trouble


async def test_what_others_change_is_seen_within_two_seconds(database: Database) -> None:
    clock = Clock()
    reader = Directory(database, RING, clock=clock)
    writer = directory(database)
    await writer.create_organization("kandy")
    assert len(await reader.connections("kandy")) == 1
    await writer.connect("kandy", "woocommerce", SHOP, KEYS)
    assert len(await reader.connections("kandy")) == 1
    clock.now = 2.1
    assert len(await reader.connections("kandy")) == 2


async def test_capabilities_are_kept_with_the_connection(database: Database) -> None:
    found = directory(database)
    assert await found.capabilities("kandy", "woocommerce") == {}
    await found.save_capabilities("kandy", "woocommerce", {"plugin": "1.0.0"})
    assert await found.capabilities("kandy", "woocommerce") == {"plugin": "1.0.0"}


async def test_policies_rise_and_refuse_a_stale_change(database: Database) -> None:
    found = directory(database)
    assert (await found.policies("kandy")).version == 0
    first = await found.save_policies("kandy", [Rule(field="price", policy="manual")], expected=0)
    assert first.version == 1
    with pytest.raises(Stale):
        await found.save_policies("kandy", [], expected=0)
    second = await found.save_policies("kandy", [Rule(policy="local")], expected=1)
    assert second == await directory(database).policies("kandy")
    assert second.rules == (Rule(policy="local"),)


async def test_a_new_connection_waits_for_who_wins(database: Database) -> None:
    now_ms = 1_795_000_000_000
    found = Directory(database, RING, clock=Clock(), clock_ms=lambda: now_ms)
    await found.create_organization("kandy")
    made = await found.connect("kandy", "woocommerce", SHOP, KEYS)
    assert (made.confirmed, made.first_sync) == (False, "ask")
    shown = await found.confirm("kandy", made.id, "mongodb")
    assert (shown.confirmed, shown.first_sync) == (True, "mongodb")
    # The winner is known at once, deliveries come in once every process surely knows it.
    waiting = await found.connection("kandy", "woocommerce")
    assert waiting is not None
    assert (waiting.confirmed, waiting.first_sync) == (False, "mongodb")
    later = Directory(database, RING, clock=Clock(), clock_ms=lambda: now_ms + SETTLE_MS)
    counted = await later.connection("kandy", "woocommerce")
    assert counted is not None
    assert counted.confirmed
    with pytest.raises(Invalid):
        await found.confirm("kandy", made.id, "who knows")
    with pytest.raises(NotFound):
        await found.confirm("galle", made.id, "newest")


async def test_a_winner_given_at_once_counts_at_once(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    made = await found.connect("kandy", "woocommerce", SHOP, KEYS, first_sync="newest")
    assert (made.confirmed, made.first_sync) == (True, "newest")


async def test_connections_of_before_there_was_a_preview_count(database: Database) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    await database["ss_integrations"].insert_one(
        {"_id": "old", "organizationId": "kandy", "platform": "woocommerce",
         "replica": "woocommerce", "settings": {}, "secrets": {}}
    )  # fmt: skip
    old = await found.connection("kandy", "woocommerce")
    assert old is not None
    assert (old.confirmed, old.first_sync) == (True, "newest")


async def test_what_is_decided_of_the_environments_connections_is_kept(database: Database) -> None:
    given = PlatformEnvironment(
        woocommerce_url="https://env.example", woocommerce_consumer_key=SecretStr("ck_env")
    )
    found = directory(database, given)
    await found.create_organization("default")
    first = await found.connection("default", "woocommerce")
    assert first is not None
    assert (first.confirmed, first.first_sync) == (False, "ask")
    shown = await found.confirm("default", first.id, "woocommerce")
    assert (shown.confirmed, shown.from_environment) == (True, True)
    await found.keep_secret("default", first.id, "webhook_secret", "madebyus0123456789")
    with pytest.raises(Invalid):
        await found.change("default", first.id, secrets={"consumer_key": "other"})
    assert not (await found.change("default", first.id, active=False)).active
    kept = await directory(database, given).connection("default", "woocommerce")
    assert kept is not None
    assert kept.first_sync == "woocommerce"
    assert not kept.active
    assert kept.secrets == {"consumer_key": "ck_env", "webhook_secret": "madebyus0123456789"}
    gone = directory(database)
    assert [c.replica for c in await gone.connections("default")] == ["mongodb"]
    stored = await found.connect("default", "woocommerce", SHOP, KEYS, first_sync="newest")
    assert stored.settings == SHOP


async def test_another_account_takes_no_secrets_along_and_waits_for_its_preview(
    database: Database,
) -> None:
    found = directory(database)
    await found.create_organization("kandy")
    made = await found.connect("kandy", "woocommerce", SHOP, KEYS, first_sync="newest")
    other = {"site_url": "https://elsewhere.example"}
    with pytest.raises(Invalid, match="consumer_key"):
        await found.change("kandy", made.id, settings=other)
    await found.change("kandy", made.id, settings={"site_url": "http://shop.example/"})
    assert (await found.integration("kandy", made.id)).confirmed, "the same shop, spelled anew"
    await found.change("kandy", made.id, settings=other, secrets=KEYS)
    assert not (await found.integration("kandy", made.id)).confirmed


async def test_a_number_typed_in_by_two_is_found_for_both(database: Database) -> None:
    found = directory(database)
    for name in ("kandy", "galle"):
        await found.create_organization(name)
        await found.connect(name, "whatsapp", {"phone_number_id": "77"}, {"app_secret": name})
    both = await found.find_connections("whatsapp", "phone_number_id", "77")
    assert {connection.organization_id for connection in both} == {"kandy", "galle"}
