"""A webhook secret is rotated without a delivery lost: old and new count for a day, or until a
person ends it."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.clock import unix_ms
from streams.directory import Directory
from streams.formers import OVERLAP_MS
from streams.keyring import Keyring
from support.pages import text_of
from tests.api.routes.test_webhooks import PHONE, SHOP, meta, native

pytestmark = pytest.mark.servers
OLD, NEW = "the-secret-of-before", "the-secret-of-today"
BODY = b'{"id":1,"name":"Tea"}'
NUMBER = b'{"entry":[{"id":"1","changes":[{"value":{"metadata":{"phone_number_id":"555"}}}]}]}'


async def connected(api: Any) -> str:
    """The id of a shop whose secret was replaced."""
    directory = api.services.directory
    made = await directory.connect(
        "kandy", "woocommerce", {"site_url": "https://s"}, {"webhook_secret": OLD}
    )
    await directory.change("kandy", made.id, secrets={"webhook_secret": NEW})
    return str(made.id)


async def taken(api: Any, secret: str) -> int:
    headers = {**native(BODY, secret), "x-wc-webhook-topic": "product.updated"}
    async with api.client() as client:
        answer = await client.post(SHOP, content=BODY, headers=headers)
        return int(answer.status_code)


async def test_both_count_until_a_person_ends_the_former_one(api: Any) -> None:
    shop_id = await connected(api)
    assert [await taken(api, secret) for secret in (OLD, NEW, "third")] == [200, 200, 401]
    async with api.client("kandy") as client:
        shown = (await client.get(f"/api/integrations/{shop_id}")).json()["secrets"]
        page = text_of((await client.get(f"/integrations/{shop_id}/settings")).text)
        ended = await client.post(f"/integrations/{shop_id}/former/webhook_secret")
        after = await client.get(f"/api/integrations/{shop_id}")
    assert shown["webhook_secret"]["formerUntil"] is not None
    assert OLD not in str(shown)
    assert "Webhook secret: the former one counts until" in page
    assert ended.headers["location"].endswith("note=ended")
    assert after.json()["secrets"]["webhook_secret"]["formerUntil"] is None
    assert [await taken(api, secret) for secret in (OLD, NEW)] == [401, 200]


async def test_it_ends_by_itself_after_a_day_and_others_cannot_end_it(api: Any) -> None:
    shop_id = await connected(api)
    async with api.client("galle") as stranger:
        gone = await stranger.delete(f"/api/integrations/{shop_id}/secrets/webhook_secret/former")
    database = api.services.database
    tomorrow = unix_ms() + OVERLAP_MS + 1
    later = Directory(database, Keyring([b"k" * 32]), clock_ms=lambda: tomorrow)
    now = await api.services.directory.connection("kandy", "woocommerce")
    then = await later.connection("kandy", "woocommerce")
    assert gone.status_code == 404
    assert (now.former, then.former) == ({"webhook_secret": OLD}, {})


async def test_the_same_again_and_a_removed_one_leave_nothing(api: Any) -> None:
    shop_id, directory = await connected(api), api.services.directory
    await directory.end_former("kandy", shop_id, "webhook_secret")
    await directory.change("kandy", shop_id, secrets={"webhook_secret": NEW})
    assert (await directory.connection("kandy", "woocommerce")).former == {}
    await directory.change("kandy", shop_id, secrets={"webhook_secret": "another"})
    await directory.change("kandy", shop_id, secrets={"webhook_secret": ""})
    assert await taken(api, NEW) == 401


async def test_metas_secret_too(api: Any) -> None:
    directory = api.services.directory
    made = await directory.connect(
        "kandy", "whatsapp", {"phone_number_id": "555"}, {"app_secret": OLD, "access_token": "t"}
    )
    await directory.change("kandy", made.id, secrets={"app_secret": NEW, "access_token": "u"})
    async with api.client() as client:
        found = [
            (await client.post(PHONE, content=NUMBER, headers=meta(NUMBER, secret))).status_code
            for secret in (OLD, NEW, "third")
        ]
    assert found == [200, 200, 401]
    assert (await directory.connection("kandy", "whatsapp")).former == {"app_secret": OLD}
