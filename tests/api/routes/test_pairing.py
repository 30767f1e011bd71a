"""Connecting a shop by a code, by WooCommerce's own screen or by hand; previews and tests."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.pairing import read_code, replica_for, same_site
from api.settings import ApiSettings
from connectors.woocommerce.signature import native_signature
from streams.integrations import Integration

pytestmark = pytest.mark.servers

KEYS = {"consumerKey": "ck_0123456789abcdef", "consumerSecret": "cs_0123456789abcdef"}
SITE = "https://shop.example"
EPOCH = datetime.fromtimestamp(0, UTC)


async def code_of(api: Any, name: str = "kandy") -> str:
    async with api.client(name) as client:
        made = await client.post("/api/integrations/pairing-code")
    assert made.status_code == 201
    code: str = made.json()["code"]
    return code


def opened(code: str) -> dict[str, Any]:
    """As the plugin reads it: base64url without padding."""
    body = code.removeprefix("ssp_")
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


async def test_a_shop_pairs_once_and_waits_for_its_preview(api: Any) -> None:
    code = await code_of(api)
    told = opened(code)
    assert set(told) == {"url", "organizationId", "secret", "apiKey"}
    assert told["organizationId"] == "kandy"
    body = {"code": code, "siteUrl": f"{SITE}/", **KEYS}
    async with api.client() as plugin:
        early = {"authorization": f"Bearer {told['apiKey']}"}
        assert (await plugin.get("/api/sync/status", headers=early)).status_code == 401
        paired = await plugin.post("/api/integrations/pair", json=body)
        again = await plugin.post("/api/integrations/pair", json=body)
        status = await plugin.get("/api/sync/status", headers=early)
        change = await plugin.post("/api/sync/force", json={}, headers=early)
        customers = await plugin.get("/api/entities?type=customer", headers=early)
        page = await plugin.get("/sync", headers=early)
    assert paired.status_code == 201
    assert paired.json()["confirmed"] is False
    assert (again.status_code, again.json()["status"]) == (403, 403)
    assert status.status_code == 200  # the code's key may ask from now on
    assert change.status_code == customers.status_code == 403  # and nothing more
    assert page.status_code == 303
    async with api.client("kandy") as client:
        (made,) = (await client.get("/api/integrations")).json()["integrations"]
        preview = await client.get(f"/api/integrations/{made['id']}/preview")
    assert made["settings"]["site_url"] == SITE
    assert made["id"] == paired.json()["integrationId"]
    assert preview.json()["job"]["state"] == "queued"
    found = await api.services.directory.connection("kandy", "woocommerce")
    assert found.secrets["webhook_secret"] == told["secret"]
    assert KEYS["consumerSecret"] not in paired.text


async def test_the_paired_plugins_deliveries_are_taken(api: Any) -> None:
    code = await code_of(api)
    delivery = b'{"id":412,"type":"simple"}'
    headers = {
        "x-wc-webhook-topic": "product.updated",
        "x-wc-webhook-signature": native_signature(opened(code)["secret"], delivery),
    }
    async with api.client() as plugin:
        body = {"code": code, "siteUrl": SITE, **KEYS}
        assert (await plugin.post("/api/integrations/pair", json=body)).status_code == 201
        path = "/api/webhooks/woocommerce/kandy"
        taken = await plugin.post(path, content=delivery, headers=headers)
    assert taken.status_code == 200


@pytest.mark.parametrize("code", ["", "ssp_", "ssp_!!", "ssk_abc", "ssp_eyJ4IjoxfQ", "x" * 3_000])
async def test_what_is_no_code_pairs_nothing(api: Any, code: str) -> None:
    assert read_code(code) is None
    async with api.client() as plugin:
        body = {"code": code, "siteUrl": SITE, **KEYS}
        answer = await plugin.post("/api/integrations/pair", json=body)
    assert answer.status_code == 403
    assert "Make a new one" in answer.json()["help"]


async def test_a_code_whose_secret_was_changed_pairs_nothing(api: Any) -> None:
    forged = {**opened(await code_of(api)), "secret": "mine"}
    text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    async with api.client() as plugin:
        body = {"code": f"ssp_{text}", "siteUrl": SITE, **KEYS}
        assert (await plugin.post("/api/integrations/pair", json=body)).status_code == 403


async def test_a_code_that_is_too_old_pairs_nothing(api: Any) -> None:
    code = await code_of(api)
    await api.services.database["ss_tokens"].update_many({}, [{"$set": {"expiresAt": EPOCH}}])
    async with api.client() as plugin:
        body = {"code": code, "siteUrl": SITE, **KEYS}
        assert (await plugin.post("/api/integrations/pair", json=body)).status_code == 403


async def test_the_same_shop_pairs_again_into_its_own_connection(api: Any) -> None:
    async with api.client() as plugin:
        made = []
        for site in (SITE, "http://shop.example/", "https://other.example"):
            body = {"code": await code_of(api), "siteUrl": site, **KEYS}
            made.append((await plugin.post("/api/integrations/pair", json=body)).json())
    assert [one["replica"] for one in made] == ["woocommerce", "woocommerce", "woocommerce:2"]


async def test_woocommerces_own_screen_needs_https(api: Any) -> None:
    async with api.client("kandy") as client:
        answer = await client.post(f"/api/integrations/woocommerce/authorize?siteUrl={SITE}")
    assert answer.status_code == 422
    assert "SMARTSTORE_PUBLIC_URL" in answer.json()["help"]


async def test_woocommerces_own_screen_hands_over_a_key_once(api: Any) -> None:
    settings = ApiSettings.model_validate({"SMARTSTORE_PUBLIC_URL": "https://sync.example"})
    object.__setattr__(api.services, "settings", settings)
    async with api.client("kandy") as client:
        asked = await client.post(f"/api/integrations/woocommerce/authorize?siteUrl={SITE}/")
    parts = urlsplit(asked.json()["url"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{SITE}/wc-auth/v1/authorize"
    assert query["scope"] == "read_write"
    assert query["callback_url"].startswith("https://sync.example/api/integrations/")
    answer = {  # as WooCommerce's documentation of the endpoint shows it
        "key_id": 1,
        "user_id": query["user_id"],
        "consumer_key": KEYS["consumerKey"],
        "consumer_secret": KEYS["consumerSecret"],
        "key_permissions": "read_write",
    }
    async with api.client() as shop:
        path = urlsplit(query["callback_url"]).path
        first = await shop.post(path, json=answer)
        second = await shop.post(path, json=answer)
    assert (first.status_code, second.status_code) == (200, 403)
    found = await api.services.directory.connection("kandy", "woocommerce")
    assert found.settings["site_url"] == SITE
    assert not found.confirmed


async def test_who_wins_is_said_by_name_and_begins_the_import(api: Any) -> None:
    new = {"platform": "woocommerce", "settings": {"site_url": SITE}}
    async with api.client("kandy") as client:
        made = (await client.post("/api/integrations", json=new)).json()
        path = f"/api/integrations/{made['id']}"
        assert (await client.get(f"{path}/preview")).status_code == 404
        begun = await client.post(f"{path}/preview")
        twice = await client.post(f"{path}/preview")
        nobody = await client.post(f"{path}/confirm", json={"winner": "whatsapp"})
        done = await client.post(f"{path}/confirm", json={"winner": "mongodb"})
    assert (made["confirmed"], made["firstSync"]) == (False, {"winner": "ask"})
    assert begun.json()["id"] == twice.json()["id"]
    assert nobody.status_code == 409
    assert done.status_code == 202
    assert done.json()["integration"]["confirmed"] is True
    assert done.json()["import"]["state"] == "queued"
    async with api.client("galle") as other:
        assert (await other.post(f"{path}/preview")).status_code == 404
        assert (await other.get(f"{path}/preview")).status_code == 404
        assert (await other.post(f"{path}/confirm", json={"winner": "newest"})).status_code == 404


async def test_a_preview_is_shown_page_by_page(api: Any) -> None:
    new = {"platform": "woocommerce", "settings": {"site_url": SITE}}
    async with api.client("kandy") as client:
        made = (await client.post("/api/integrations", json=new)).json()
        path = f"/api/integrations/{made['id']}/preview"
        job_id = (await client.post(path)).json()["id"]
        await api.services.database["ss_previews"].insert_many(
            [
                {"_id": f"{job_id}|{kind}|product|{number}", "jobId": job_id, "kind": kind,
                 "type": "product", "entityId": f"p{number}", "externalId": str(number),
                 "label": "Tea", "sku": f"T-{number}", "differences": [], "note": ""}
                for kind, count in (("differing", 3), ("matched", 5), ("onlyThere", 2))
                for number in range(count)
            ]
        )  # fmt: skip
        first = (await client.get(f"{path}?limit=3")).json()
        second = (await client.get(f"{path}?limit=3&cursor={first['next']}")).json()
        same = (await client.get(f"{path}?kind=matched")).json()
    assert [row["kind"] for row in first["rows"]] == ["differing"] * 3
    assert [row["kind"] for row in second["rows"]] == ["onlyThere"] * 2
    assert second["next"] is None
    assert len(same["rows"]) == 5


async def test_a_test_of_a_connection_says_what_helps(api: Any) -> None:
    new = {"platform": "woocommerce", "settings": {"site_url": "http://127.0.0.1:9"}}
    async with api.client("kandy") as client:
        made = (await client.post("/api/integrations", json=new)).json()
        bare = (await client.post(f"/api/integrations/{made['id']}/test")).json()
        path = f"/api/integrations/{made['id']}"
        secrets = {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
        await client.patch(path, json={"secrets": secrets})
        away = (await client.post(f"{path}/test")).json()
    assert bare["ok"] is False
    assert "consumer_key is missing" in bare["probes"][0]["found"]
    assert away["probes"][0]["name"] == "The shop answers"
    assert away["probes"][0]["fix"]


def test_which_connection_a_shop_gets() -> None:
    def made(replica: str, site: str) -> Integration:
        return Integration(
            id=replica, organization_id="kandy", platform=replica.partition(":")[0],
            replica=replica, settings={"site_url": site}, secrets={}, active=True,
        )  # fmt: skip

    known = [made("whatsapp", SITE), made("woocommerce", "https://a.example/shop")]
    assert replica_for([], SITE) == "woocommerce"
    assert replica_for(known, "http://A.example/shop/") == "woocommerce"
    assert replica_for(known, "https://a.example/other") == "woocommerce:2"
    assert not same_site("https://a.example", "https://b.example")
