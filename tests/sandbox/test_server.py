"""The sandbox over a real socket, its data, and its independence from the product."""

import ast
import asyncio
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import uvicorn

from sandbox import data
from sandbox.app import create_sandbox
from sandbox.client import SandboxClient, SandboxError
from tests.sandbox.conftest import Bench

PRODUCT_PACKAGES = {"schemas", "connectors", "streams", "api", "runtime"}


@pytest.fixture
async def address() -> AsyncIterator[str]:
    config = uvicorn.Config(create_sandbox(), log_level="critical", ws="none")
    server = uvicorn.Server(config)
    # Listening before the server starts: early connections wait for it in the backlog.
    listener = socket.create_server(("127.0.0.1", 0))
    served = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await served


async def test_an_answer_dropped_after_applying(address: str) -> None:
    async with SandboxClient.open(address) as control, httpx.AsyncClient() as http:
        shop = await control.create_shop("shop", load="sri-lanka")
        await control.faults("shop", requests=[{"drop": True, "method": "PUT"}])
        with pytest.raises(httpx.RemoteProtocolError):
            await http.put(
                f"{shop.url}/wp-json/wc/v3/products/412",
                json={"name": "Applied"},
                auth=(shop.consumer_key, shop.consumer_secret),
            )
        assert (await control.product("shop", 412))["name"] == "Applied"


async def test_webhooks_over_a_real_socket(address: str) -> None:
    async with SandboxClient.open(address) as control:
        # The clock's own address takes any JSON object, and so can play the receiver.
        await control.create_shop("up", load="sri-lanka", webhook_url=f"{address}/sandbox/clock")
        await control.create_shop("down", load="sri-lanka", webhook_url="http://127.0.0.1:1/")
        await control.sell("up", "TEA-BOPF-400")
        await control.sell("down", "TEA-BOPF-400")
        await control.drain()
        found = {(entry["shop"], entry["status"]) for entry in await control.deliveries()}
        assert found == {("up", 200), ("down", None)}


def test_both_representations_of_the_data_agree() -> None:
    shop, documents = data.woocommerce(), data.mongodb("org")
    sold = [*shop["products"], *shop["variations"]]
    skus = {record["sku"]: record for record in sold}
    assert len(skus) == len(sold)
    for document in documents["products"]:
        assert isinstance(document["price"], str)
        assert Decimal(document["price"]) > 0
        assert skus[document["sku"]]["name"] == document["name"]
        for variant in document["variants"]:
            assert skus[variant["sku"]]["regular_price"] == variant["price"]
    stock = {entry["sku"]: entry["quantity"] for entry in documents["inventory"]}
    managed = {sku: record for sku, record in skus.items() if record["manage_stock"]}
    assert {sku: record["stock_quantity"] for sku, record in managed.items()} == stock
    phones = {customer["phone"] for customer in documents["customers"]}
    assert phones == {customer["billing"]["phone"] for customer in shop["customers"]}
    assert all(phone.startswith("+94") for phone in phones)


def test_the_sandbox_imports_nothing_of_the_product() -> None:
    root = Path(__file__).parents[2] / "sandbox"
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            assert not {name.partition(".")[0] for name in names} & PRODUCT_PACKAGES, path


async def test_control_errors_are_words(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="no shop nowhere"):
        await bench.control.dump_shop("nowhere")
    with pytest.raises(SandboxError, match="unknown settings: colour"):
        await bench.control.create_shop("shop", colour="red")
    await bench.control.create_shop("shop", load="sri-lanka")
    with pytest.raises(SandboxError, match="Only 7 of MASK-RAKSHA left"):
        await bench.control.sell("shop", "MASK-RAKSHA", 8)
    with pytest.raises(SandboxError, match="unknown: sometimes"):
        await bench.control.faults("shop", requests=[{"sometimes": 1}])


async def test_dump_and_reset(bench: Bench) -> None:
    await bench.control.create_shop("shop", load="sri-lanka")
    await bench.control.create_number("1")
    state = await bench.control.dump()
    assert len(state["shops"]["shop"]["products"]) == 12
    assert len(state["shops"]["shop"]["variations"]) == 6
    assert state["whatsapp"]["1"]["messages"] == []
    await bench.control.reset()
    assert await bench.control.dump() == {"shops": {}, "whatsapp": {}, "couriers": {}}


async def test_a_reset_forgets_what_waited(bench: Bench) -> None:
    chosen = {"load": "sri-lanka", "webhook_url": "http://hub.test/", "topics": ["product.updated"]}
    await bench.control.create_shop("shop", **chosen)
    await bench.control.faults("shop", webhooks={"delay_s": 60})
    await bench.control.edit_product("shop", 412, name="Never told")
    await bench.control.reset()
    await bench.control.create_shop("shop", **chosen)
    await bench.control.edit_product("shop", 412, name="Told")
    await bench.control.drain()
    assert len(bench.receiver.requests) == 1


async def test_people_create_restore_and_delete(bench: Bench) -> None:
    control = bench.control
    await control.create_shop("shop", load="sri-lanka")
    made = await control.create_product("shop", name="Lamp", sku="LAMP", regular_price="90")
    await control.set_stock("shop", "LAMP", 4)
    await control.trash_product("shop", made["id"])
    restored = await control.restore_product("shop", made["id"])
    assert (restored["status"], restored["stock_quantity"]) == ("publish", 4)
    person = await control.create_customer("shop", email="new@example.com", first_name="N")
    edited = await control.edit_customer("shop", "new@example.com", last_name="M")
    assert (edited["id"], edited["last_name"]) == (person["id"], "M")
    order = await control.sell("shop", "LAMP", 1, customer="new@example.com")
    assert order["customer_id"] == person["id"]
    done = await control.edit_order("shop", order["id"], status="completed")
    assert done["date_completed_gmt"] is not None
    kinds = {edit["kind"] for edit in await control.edits("shop")}
    assert kinds == {"product", "customer", "order"}
