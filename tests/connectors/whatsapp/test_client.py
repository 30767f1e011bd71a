"""The client against the sandbox's Graph API."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Paused, Refused, Retry
from connectors.whatsapp.client import WhatsAppClient
from connectors.whatsapp.codes import Meaning, meaning_of
from connectors.whatsapp.settings import account_of
from connectors.whatsapp.templates import NEEDED
from tests.connectors.whatsapp.conftest import (
    NUMBER,
    Bench,
    Known,
    connection,
    create,
    delete,
    perform,
    sample,
    write,
)

NOBODY = Known()
TEA: dict[str, Any] = {
    "sku": "TEA-400",
    "name": "Ceylon tea",
    "description": "<p>High-grown <b>BOPF</b> &amp; fresh</p>",
    "price": "1899.5",
    "status": "active",
    "images": [{"url": "https://cdn.example.com/tea.jpg", "alt": ""}],
}


async def test_product_and_stock_of_one_sku_are_one_item(bench: Bench) -> None:
    commands = [
        create("inventory", "p1", want={"quantity": 0}),
        create("product", "p1", want=TEA),
    ]
    stock, product = await bench.client.apply(commands, Known(product_p1="TEA-400"))
    assert (product.result, product.external_id, product.seen) == ("taken", "TEA-400", None)
    assert (stock.result, stock.external_id) == ("taken", "TEA-400")
    (item,) = (await bench.items()).values()
    assert item["title"] == "Ceylon tea"
    assert item["description"] == "High-grown BOPF & fresh"
    assert item["availability"] == "out of stock"
    assert item["quantity_to_sell_on_facebook"] == 0
    assert item["price"] == "1899.50 LKR"
    assert item["condition"] == "new"
    assert item["brand"] == "shop.example.com"
    assert item["link"].startswith("https://shop.example.com/?s=TEA-400")
    assert item["image_link"] == "https://cdn.example.com/tea.jpg"
    assert len(await bench.control.catalogue_writes(NUMBER)) == 1


async def test_updates_name_only_what_changes_and_never_create(bench: Bench) -> None:
    await bench.client.apply([create("product", "p1", want=TEA)], NOBODY)
    answers = await bench.client.apply(
        [
            write("product", "p1", "TEA-400", want={"price": "2000", "salePrice": "1800"}),
            write("inventory", "p1", "TEA-400", want={"quantity": 5}),
            write("inventory", "p9", "GONE", want={"quantity": 5}),
        ],
        NOBODY,
    )
    assert [answer.result for answer in answers] == ["taken", "taken", "missing"]
    item = (await bench.items())["TEA-400"]
    assert (item["price"], item["sale_price"]) == ("2000.00 LKR", "1800.00 LKR")
    assert (item["availability"], item["quantity_to_sell_on_facebook"]) == ("in stock", 5)
    written = (await bench.control.catalogue_writes(NUMBER))[1]
    assert set(written["data"]) == {
        "id", "price", "sale_price", "availability", "quantity_to_sell_on_facebook",
    }  # fmt: skip
    assert set(await bench.items()) == {"TEA-400"}


async def test_stock_waits_for_its_item(bench: Bench) -> None:
    (answer,) = await bench.client.apply([create("inventory", "p1", want={"quantity": 5})], NOBODY)
    assert answer.result == "missing"
    (answer,) = await bench.client.apply(
        [create("inventory", "p1", want={"quantity": 5})], Known(product_p1="TEA-400")
    )
    assert answer.result == "missing"


async def test_a_variation_belongs_to_its_parents_group(bench: Bench) -> None:
    want = {
        "sku": "SAREE-RED", "price": "14000", "parentId": "p1", "attributes": {"Colour": "Red"},
        "image": "https://cdn.example.com/red.jpg",
    }  # fmt: skip
    (answer,) = await bench.client.apply(
        [create("variation", "v1", want=want)], Known(product_p1="SAREE")
    )
    assert answer.result == "taken"
    item = (await bench.items())["SAREE-RED"]
    assert item["item_group_id"] == "p1"  # known before the parent is in the catalogue
    assert item["title"] == "SAREE-RED Red"
    assert item["additional_variant_attribute"] == "Colour:Red"


async def test_deletion_and_its_repeat(bench: Bench) -> None:
    await bench.client.apply([create("product", "p1", want=TEA)], NOBODY)
    for _ in range(2):
        (answer,) = await bench.client.apply([delete("product", "p1", "TEA-400")], NOBODY)
        assert answer.result == "taken"
    assert await bench.items() == {}


async def test_what_meta_would_refuse_says_what_to_set(bench: Bench) -> None:
    client = bench.open(image_link="", site_url="", currency="")
    (answer,) = await client.apply([create("product", "p1", want=TEA)], NOBODY)
    assert (answer.result, answer.reason) == (
        "failed",
        "the catalogue wants the connection's currency",
    )
    client = bench.open(image_link="", site_url="")
    (answer,) = await client.apply([create("product", "p1", want={**TEA, "images": []})], NOBODY)
    assert answer.result == "failed"
    assert "site_url" in answer.reason
    assert "picture" in answer.reason
    await client.close()


async def test_the_next_batch_for_an_item_waits_for_its_handle(bench: Bench) -> None:
    client = WhatsAppClient(account_of(connection()), bench.transport, deadline_s=0.1)
    await bench.control.change_number(NUMBER, catalog_delay_s=None)
    first = create("product", "p1", want=TEA)
    (answer,) = await client.apply([first], NOBODY)
    assert answer.result == "retry"
    assert answer.retry_after_s == 2.0
    newer = write("product", "p1", "TEA-400", want={"price": "1"})
    (answer,) = await client.apply([newer], NOBODY)
    assert answer.result == "retry"
    assert await bench.control.catalogue_writes(NUMBER) == []

    await bench.control.finish_batches(NUMBER)
    (answer,) = await client.apply([first], NOBODY)
    assert answer.result == "taken"
    assert len(await bench.control.catalogue_writes(NUMBER)) == 1
    await client.close()


async def test_throttling_is_400_and_says_when(bench: Bench) -> None:
    fault = {"code": 80014, "status": 400, "path": "items_batch"}
    await bench.control.number_faults(NUMBER, requests=[fault])
    with pytest.raises(Retry) as caught:
        await bench.client.apply([create("product", "p1", want=TEA)], NOBODY)
    assert caught.value.retry_after_s == 7 * 60


async def test_a_wrong_token_pauses_and_is_not_printed(bench: Bench) -> None:
    await bench.control.change_number(NUMBER, access_token="another-token")
    with pytest.raises(Paused) as caught:
        await bench.client.apply([create("product", "p1", want=TEA)], NOBODY)
    assert "sandbox-token-1" not in f"{caught.value!r} {connection()!r} {bench.client!r}"
    with pytest.raises(Paused):
        await bench.client.perform(perform())
    with pytest.raises(Paused):
        await bench.client.probe()


async def test_a_message_with_its_key(bench: Bench) -> None:
    answer = await bench.client.perform(perform(replyTo="wamid.1"))
    assert answer.result == "taken"
    (sent,) = await bench.control.messages(NUMBER)
    assert sent["id"] == answer.external_id
    assert sent["to"] == "94771234567"
    assert sent["biz_opaque_callback_data"] == "org:order_status:o1:shipped"
    assert sent["body"]["text"]["body"] == "Your order 1041: Shipped."
    assert sent["body"]["context"] == {"message_id": "wamid.1"}


async def test_templates_are_listed_and_submitted(bench: Bench) -> None:
    (known,) = await bench.client.templates()
    assert (known.name, known.language, known.status, known.parameters, known.plain) == (
        "order_status", "en", "APPROVED", 2, True,
    )  # fmt: skip
    for wanted in NEEDED:
        for language in wanted.bodies:
            if (wanted.name, language) != ("order_status", "en"):
                assert await bench.client.submit_template(wanted, language) == "PENDING"
    found = {(one.name, one.language): one for one in await bench.client.templates()}
    assert len(found) == 9
    assert found["shipment_status", "ta"].parameters == 3
    assert found["order_status", "si"].category == "UTILITY"
    with pytest.raises(Refused):
        await bench.client.submit_template(NEEDED[0], "en")


async def test_templates_need_the_account(bench: Bench) -> None:
    with pytest.raises(Refused, match="waba_id"):
        await bench.open(waba_id="").templates()


async def test_a_message_is_shown_as_read(bench: Bench) -> None:
    inbound = await bench.control.customer_writes(NUMBER, "94771234567", "Hello")
    wamid = inbound["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    await bench.client.mark_read(wamid)
    with pytest.raises(Refused):
        await bench.client.mark_read("wamid.unknown")


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        ({"code": 130429, "status": 400}, "retry"),
        ({"code": 4, "status": 400}, "retry"),
        ({"code": 131056, "status": 400}, "retry"),
        ({"code": 131048, "status": 400}, "retry"),
        ({"code": 2, "status": 503}, "retry"),
        ({"code": 131000, "status": 500}, "unknown"),
        ({"status": 502, "html": True}, "unknown"),
        ({"drop": True}, "unknown"),
        ({"code": 131026, "status": 400}, "failed"),
        ({"code": 131047, "status": 400}, "failed"),
        ({"code": 132001, "status": 404}, "failed"),
        ({"code": 100, "status": 400}, "failed"),
    ],
)
async def test_codes_decide_what_became_of_a_message(
    bench: Bench, fault: dict[str, Any], result: str
) -> None:
    await bench.control.number_faults(NUMBER, requests=[fault])
    answer = await bench.client.perform(perform())
    assert answer.result == result


async def test_too_fast_for_one_recipient_waits_longer_each_time(bench: Bench) -> None:
    faults = [{"code": 131056, "status": 400, "times": 3}]
    await bench.control.number_faults(NUMBER, requests=faults)
    waits = [(await bench.client.perform(perform())).retry_after_s for _ in range(3)]
    assert waits == [1, 4, 16]
    assert (await bench.client.perform(perform())).result == "taken"


async def test_what_cannot_be_sent_at_all(bench: Bench) -> None:
    assert (await bench.client.perform(perform(to=""))).result == "failed"
    assert await bench.client.probe() == "the catalogue answers"


@pytest.mark.parametrize("error", sample("exchange_send")["errors"])
def test_the_contracts_errors(error: dict[str, Any]) -> None:
    expected = {
        131056: Meaning.RECIPIENT, 130429: Meaning.LATER, 190: Meaning.STOPPED,
        132001: Meaning.NEVER, 100: Meaning.NEVER, 2: Meaning.LATER,
    }  # fmt: skip
    code = error["body"]["error"]["code"]
    assert meaning_of(code, error["http_status"]) is expected[code]


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        (0, 401, Meaning.STOPPED), (3, 500, Meaning.STOPPED), (10, 403, Meaning.STOPPED),
        (200, 403, Meaning.STOPPED), (299, 403, Meaning.STOPPED), (131005, 403, Meaning.STOPPED),
        (368, 403, Meaning.STOPPED), (131031, 403, Meaning.STOPPED),
        (130497, 403, Meaning.STOPPED), (80007, 400, Meaning.LATER), (1, 400, Meaning.LATER),
        (133004, 503, Meaning.LATER), (131057, 500, Meaning.LATER),
        (131016, 500, Meaning.UNKNOWN), (33, 400, Meaning.NEVER), (131008, 400, Meaning.NEVER),
        (131009, 400, Meaning.NEVER), (131021, 400, Meaning.NEVER), (131049, 400, Meaning.NEVER),
        (130472, 400, Meaning.NEVER), (131050, 400, Meaning.NEVER), (131053, 400, Meaning.NEVER),
        (132015, 400, Meaning.NEVER), (None, 502, Meaning.UNKNOWN), (None, 404, Meaning.NEVER),
    ],
)  # fmt: skip
def test_the_table(code: int | None, status: int, meaning: Meaning) -> None:
    assert meaning_of(code, status) is meaning
