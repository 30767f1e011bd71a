"""The page of one connection: from its preview to its import, without a script."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.servers


async def connection(api: Any) -> dict[str, Any]:
    new = {"platform": "woocommerce", "settings": {"site_url": "https://shop.example"}}
    async with api.client("kandy") as client:
        made: dict[str, Any] = (await client.post("/api/integrations", json=new)).json()
    return made


async def test_a_preview_is_asked_for_seen_and_confirmed(api: Any) -> None:
    made = await connection(api)
    path = f"/integrations/{made['id']}"
    database = api.services.database
    async with api.client("kandy") as client:
        listed = await client.get("/integrations")
        assert f'href="{path}"' in listed.text
        assert "Nothing moves" in (await client.get(path)).text
        asked = await client.post(f"{path}/preview")
        assert (asked.status_code, asked.headers["location"]) == (303, path)
        waiting = await client.get(path)
        assert 'http-equiv="refresh"' in waiting.text
        assert "Confirm and import" not in waiting.text
        job = await database["ss_jobs"].find_one({"kind": "preview"})
        counts = {"product": {"matched": 2, "differing": 1, "onlyThere": 1}}
        await database["ss_jobs"].update_one(
            {"_id": job["_id"]}, {"$set": {"state": "done", "details": {"counts": counts}}}
        )
        await database["ss_previews"].insert_one(
            {"_id": f"{job['_id']}|differing|product|412", "jobId": job["_id"],
             "kind": "differing", "type": "product", "entityId": "p1", "externalId": "412",
             "label": "<b>Tea</b>", "sku": "TEA", "note": "",
             "differences": [{"field": "price", "here": "100", "there": "120"}]}
        )  # fmt: skip
        shown = await client.get(path)
        assert "2 items on both sides, 1 of them different" in shown.text
        assert "&lt;b&gt;Tea" in shown.text
        assert "<b>Tea</b>" not in shown.text
        assert "Confirm and import" in shown.text
        done = await client.post(f"{path}/confirm", data={"winner": "newest"})
        assert done.status_code == 303
        after = await client.get(path)
        for steer, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
            assert (await client.post(f"{path}/import/{steer}")).status_code == 303
            assert (await database["ss_jobs"].find_one({"kind": "import"}))["state"] == state
        again = await client.post(f"{path}/confirm", data={"winner": "newest"})
        assert again.status_code == 303
    assert "Confirm and import" not in after.text
    assert "Import" in after.text
    states = [job["state"] async for job in database["ss_jobs"].find({"kind": "import"})]
    assert sorted(states) == ["cancelled", "queued"]


async def test_a_code_for_the_plugin_is_shown_once(api: Any) -> None:
    async with api.client("kandy") as client:
        shown = await client.post("/integrations/pair")
    assert shown.status_code == 200
    assert "ssp_" in shown.text
    async with api.client() as stranger:
        assert (await stranger.post("/integrations/pair")).status_code == 401


async def test_the_shops_own_screen_is_one_link_away_where_it_can_answer(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, form = "/integrations/woocommerce/authorize", {"site_url": "https://shop.example/lk"}
    async with api.client("kandy") as client:
        plain = await client.get("/integrations/add/woocommerce")
        assert "SMARTSTORE_PUBLIC_URL" in plain.text
        assert f'action="{path}"' not in plain.text
        assert 'action="/integrations/pair"' in plain.text
        refused = await client.post(path, data=form)
        assert refused.status_code == 422
        assert "https addresses only" in refused.text
        monkeypatch.setattr(api.services.settings, "public_url", "https://sync.example.lk")
        assert f'action="{path}"' in (await client.get("/integrations/add/woocommerce")).text
        shown = await client.post(path, data=form)
        assert shown.status_code == 200
        assert 'href="https://shop.example/lk/wc-auth/v1/authorize?app_name=' in shown.text
        assert "callback_url=https%3A%2F%2Fsync.example.lk" in shown.text
        for address in ("javascript:alert(1)", "https://user:secret@shop.example"):
            bad = await client.post(path, data={"site_url": address})
            assert bad.status_code == 422
            assert "wc-auth" not in bad.text
    async with api.client() as stranger:
        assert (await stranger.post(path, data=form)).status_code == 401


async def test_another_organisations_connection_is_not_there(api: Any) -> None:
    made = await connection(api)
    async with api.client("galle") as other:
        assert (await other.get(f"/integrations/{made['id']}")).status_code == 404
