"""Who may call the shop: OAuth 1.0a over plain HTTP, keys in the query, read-only keys."""

from typing import Any

import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY, Client

from tests.sandbox.conftest import Bench, ShopClient


async def demo_shop(bench: Bench, **settings: Any) -> ShopClient:
    return await bench.shop(load="sri-lanka", **settings)


@pytest.mark.parametrize("method", [SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256])
async def test_oauth_one_leg(bench: Bench, method: str) -> None:
    shop = await demo_shop(bench)
    client = Client(
        shop.access.consumer_key,
        shop.access.consumer_secret,
        signature_method=method,
        signature_type=SIGNATURE_TYPE_QUERY,
    )
    address = "http://sandbox.test/shops/shop/wp-json/wc/v3/products?sku=TEA-BOPF-400&search=a b"
    signed, _, _ = client.sign(address.replace(" ", "%20"))
    answer = await bench.http.get(signed)
    assert [entry["sku"] for entry in answer.json()] == ["TEA-BOPF-400"]
    again = await bench.http.get(signed)
    assert again.json()["message"] == "Invalid nonce - nonce has already been used."
    await bench.control.set_clock(advance_s=1000)
    late, _, _ = client.sign(address.replace(" ", "%20"))
    await bench.control.set_clock(advance_s=1000)
    assert (await bench.http.get(late)).json()["message"] == "Invalid timestamp."


async def test_key_in_the_query_and_read_only_keys(bench: Bench) -> None:
    keys = [{"consumer_key": "ck_r", "consumer_secret": "cs_r", "permissions": "read"}]
    shop = await demo_shop(bench, keys=keys)
    query = {"consumer_key": "ck_r", "consumer_secret": "cs_r"}
    assert (await shop.rest("GET", "products/412", auth=None, params=query)).status_code == 200
    refused = await shop.rest("PUT", "products/412", {"name": "x"})
    assert refused.status_code == 401
    assert refused.json()["code"] == "woocommerce_rest_authentication_error"
    route = await shop.call("POST", "smartstore/v1/sync", {"operations": []})
    assert (route.status_code, route.json()["code"]) == (401, "woocommerce_rest_cannot_edit")


# Bodies
