"""A new key: every sealed secret comes to it, and the old one may go only then."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import MongoClient

from streams.alerts.desk import AlertDesk
from streams.alerts.settings import AlertSettings
from streams.archive.erasures import Erasures
from streams.archive.finding import Subject
from streams.database import Database
from streams.directory import Directory
from streams.keyring import Keyring
from streams.rotation import counted, rotate

pytestmark = pytest.mark.servers
OLD, NEW, LOST = Keyring([b"o" * 32]), Keyring([b"n" * 32]), Keyring([b"l" * 32])
BOTH = Keyring([b"n" * 32, b"o" * 32])
SECRETS = {"consumer_key": "ck_1", "consumer_secret": "cs_1", "webhook_secret": "wh_1"}


@pytest.fixture
async def shop(fresh: Database) -> Database:
    """Five secrets, sealed with the old key: three of a shop, an erasure's, a webhook's."""
    directory = Directory(fresh, OLD)
    await directory.create_organization("kandy", "Kandy")
    await directory.connect("kandy", "woocommerce", {}, SECRETS, first_sync="newest")
    subject = Subject(
        organization="kandy",
        entities=frozenset({("customer", "c1")}),
        needles=frozenset({"771234567"}),
        names=frozenset({"Nimal"}),
        places=frozenset(),
    )
    await Erasures(fresh, OLD).begin(subject, "c1")
    await AlertDesk(fresh, OLD).save("kandy", AlertSettings(webhook_url="https://example.lk/a"))
    return fresh


async def test_every_secret_comes_to_the_newest_key(shop: Database) -> None:
    assert await counted(shop) == {OLD.newest: 5}
    before = await AlertDesk(shop, OLD).secret("kandy")
    held = await shop["ss_integrations"].find_one({})
    assert held is not None
    await Directory(shop, OLD).change("kandy", held["_id"], secrets={"webhook_secret": "wh_2"})
    done = await rotate(shop, BOTH)
    assert (done.moved, done.changed, done.troubles) == (6, 0, ())
    assert await counted(shop) == {NEW.newest: 6}
    connection = await Directory(shop, NEW).connection("kandy", "woocommerce")
    assert connection is not None
    assert dict(connection.secrets) == {**SECRETS, "webhook_secret": "wh_2"}
    assert dict(connection.former) == {"webhook_secret": "wh_1"}, "it counts for a day more"
    assert await AlertDesk(shop, NEW).secret("kandy") == before
    (person,), _ = await Erasures(shop, NEW).active()
    assert person.needles == ("771234567",)
    row = await shop["ss_integrations"].find_one({})
    assert row is not None
    assert set(row["secrets"]["consumer_key"]) == {
        "keyId", "nonce", "ciphertext", "hint", "replacedAtMs",
    }  # fmt: skip
    assert (await rotate(shop, BOTH)).moved == 0, "begun again it finds nothing to do"


async def test_a_secret_that_is_changed_meanwhile_is_left_to_its_owner(shop: Database) -> None:
    class Late(Keyring):
        """Somebody saves another value between reading and writing."""

        def seal(
            self, plain: str, *, organization_id: str, record: str, name: str
        ) -> dict[str, Any]:
            if name == "consumer_key":
                place = MongoClient[dict[str, Any]](str(url))[shop.name]["ss_integrations"]
                place.update_one({}, {"$set": {"secrets.consumer_key": saved}})
                place.database.client.close()
            return super().seal(plain, organization_id=organization_id, record=record, name=name)

    row = await shop["ss_integrations"].find_one({})
    assert row is not None
    host, port = await shop.client.primary or ("", 0)
    url = f"mongodb://{host}:{port}/?directConnection=true"
    where = {"organization_id": "kandy", "record": row["_id"], "name": "consumer_key"}
    saved = {**NEW.seal("ck_2", **where), "hint": "", "replacedAtMs": 0}
    done = await rotate(shop, Late([b"n" * 32, b"o" * 32]))
    assert (done.moved, done.changed) == (4, 1)
    connection = await Directory(shop, NEW).connection("kandy", "woocommerce")
    assert connection is not None
    assert connection.secrets["consumer_key"] == "ck_2"


async def test_a_lost_key_is_told_and_stops_nothing(shop: Database) -> None:
    await Directory(shop, LOST).connect(
        "kandy", "whatsapp", {}, {"access_token": "EAAG"}, first_sync="newest"
    )
    done = await rotate(shop, BOTH)
    assert done.moved == 5
    (trouble,) = done.troubles
    assert LOST.newest in trouble
    assert "access_token" in trouble
    assert await counted(shop) == {NEW.newest: 5, LOST.newest: 1}
