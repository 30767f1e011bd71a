"""The shop's webhooks to us: made, kept right, taken away. Facts of WooCommerce are those of its
REST documentation and of the contract: secrets are never shown, a disabled webhook is switched on
by its status, deleting needs `force`."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Paused
from connectors.woocommerce import WooCommerce
from connectors.woocommerce.webhooks import TOPICS, Hook, plan, remembered
from tests.connectors.woocommerce.conftest import Bench, connection_of

URL = "https://sync.example/api/webhooks/woocommerce/org"
SECRET = "s3cr3tDumbaraLooms2026"


@pytest.fixture
def plugin() -> bool:
    return False


async def hooks_of(bench: Bench) -> dict[str, dict[str, Any]]:
    dump = await bench.control.dump_shop("shop")
    return {hook["topic"]: hook for hook in dump["webhooks"]}


async def test_every_topic_is_made_once(bench: Bench) -> None:
    made = await bench.client.subscribe(URL, SECRET, {})
    held = await hooks_of(bench)
    assert set(held) == set(TOPICS) == set(made.hooks)
    assert {hook["delivery_url"] for hook in held.values()} == {URL}
    assert {hook["status"] for hook in held.values()} == {"active"}
    assert (made.mended, made.missed, made.refused) == ((), False, "")
    bench.requests.clear()
    again = await bench.client.subscribe(URL, SECRET, made.hooks)
    assert again.hooks == made.hooks
    assert bench.requests == ["GET /wc/v3/webhooks"]


async def test_what_was_switched_off_or_deleted_is_mended_and_told(bench: Bench) -> None:
    made = await bench.client.subscribe(URL, SECRET, {})
    held = await hooks_of(bench)
    rest = f"/wp-json/wc/v3/webhooks/{held['order.updated']['id']}"
    await _change(bench, "PUT", rest, {"status": "disabled"})
    gone = f"/wp-json/wc/v3/webhooks/{held['order.created']['id']}?force=true"
    await _change(bench, "DELETE", gone)
    moved = f"/wp-json/wc/v3/webhooks/{held['product.created']['id']}"
    await _change(bench, "PUT", moved, {"delivery_url": "https://elsewhere.example/"})
    mended = await bench.client.subscribe(URL, SECRET, made.hooks)
    assert set(mended.mended) == {
        "order.updated was disabled",
        "order.created was gone",
        "product.created went to another address",
    }
    assert mended.missed
    after = await hooks_of(bench)
    assert {hook["delivery_url"] for hook in after.values()} == {URL}
    assert {hook["status"] for hook in after.values()} == {"active"}
    assert set(after) == set(TOPICS)


async def test_a_second_one_is_taken_away_and_others_webhooks_stay(bench: Bench) -> None:
    made = await bench.client.subscribe(URL, SECRET, {})
    path = "/wp-json/wc/v3/webhooks"
    await _change(bench, "POST", path, {"topic": "order.updated", "delivery_url": URL})
    theirs = {"topic": "order.updated", "delivery_url": "https://mailer.example/hook"}
    await _change(bench, "POST", path, theirs)
    mended = await bench.client.subscribe(URL, SECRET, made.hooks)
    assert mended.mended == ("order.updated was there twice",)
    assert not mended.missed
    dump = await bench.control.dump_shop("shop")
    urls = [hook["delivery_url"] for hook in dump["webhooks"] if hook["topic"] == "order.updated"]
    assert sorted(urls) == ["https://mailer.example/hook", URL]
    assert await bench.client.unsubscribe(URL, mended.hooks) == len(TOPICS)
    left = (await bench.control.dump_shop("shop"))["webhooks"]
    assert [hook["delivery_url"] for hook in left] == ["https://mailer.example/hook"]


async def test_quiet_while_the_plugin_tells(bench: Bench) -> None:
    made = await bench.client.subscribe(URL, SECRET, {})
    quiet = await bench.client.subscribe(URL, SECRET, made.hooks, quiet=True)
    assert {hook["status"] for hook in (await hooks_of(bench)).values()} == {"paused"}
    assert quiet.mended == ()
    await bench.client.subscribe(URL, SECRET, quiet.hooks)
    assert {hook["status"] for hook in (await hooks_of(bench)).values()} == {"active"}


async def test_a_key_that_may_only_read_makes_none(bench: Bench) -> None:
    access = await bench.control.create_shop(
        "readonly",
        keys=[{"consumer_key": "ck_ro", "consumer_secret": "cs_ro", "permissions": "read"}],
    )
    connector = WooCommerce(transport=bench.transport)
    client: Any = connector.client(connection_of(access, "https"))
    with pytest.raises(Paused, match="write"):
        await client.subscribe(URL, SECRET, {})
    await client.close()


def test_a_new_secret_is_sent_to_every_webhook_of_ours() -> None:
    held = [Hook(number, topic, "active", URL) for number, topic in enumerate(TOPICS, 1)]
    known = {hook.topic: remembered(hook.id, "old") for hook in held}
    steps = plan(held, URL, "new", known, quiet=False)
    assert [step.do for step in steps] == ["update"] * len(TOPICS)
    assert all(step.body == {"secret": "new"} for step in steps)
    assert not any(step.why for step in steps)


async def _change(bench: Bench, method: str, path: str, body: Any = None) -> None:
    pair = (bench.access.consumer_key, bench.access.consumer_secret)
    url = f"/shops/shop{path}"
    answer = await bench.http.request(method, url, json=body, auth=pair)
    answer.raise_for_status()
