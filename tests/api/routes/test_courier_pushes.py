"""Couriers' pushes: verified, handed to topic `inbound`, answered as the courier wants it."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.servers

CITYPAK = {"code": "citypak", "secrets": {"api_token": "t", "webhook_token": "hook-of-citypak"}}
DHL = {"code": "dhl", "secrets": {"api_key": "k", "push_key": "a-long-text-of-ours"}}


async def test_a_push_is_in_kafka_before_it_is_answered(api: Any) -> None:
    async with api.client("kandy") as http:
        made = await http.post("/api/couriers", json=CITYPAK)
        assert made.status_code == 201, made.text
    url = "/api/webhooks/courier/kandy/citypak"
    async with api.client() as courier:
        forged = await courier.post(url, json={}, headers={"authorization": "guessed"})
        assert forged.status_code == 401
        taken = await courier.post(
            url,
            json={"tracking_number": "CP1", "status": "DELIVERED", "status_type": "DL"},
            headers={"authorization": "hook-of-citypak"},
        )
        # The profile's own answer.
        assert (taken.status_code, taken.text) == (200, "OK")
        (record,) = api.sent.records
        assert record.key == b"kandy/courier:citypak/push"
        assert dict(record.headers)["ce_type"] == b"inbound.courier.pushed"
        assert b"hook-of-citypak" not in record.value + b"".join(v for _, v in record.headers)
        for stranger in ("/api/webhooks/courier/galle/citypak", "/api/webhooks/courier/kandy/ups"):
            assert (await courier.post(stranger, json={})).status_code == 404
        api.sent.fails = True
        held = await courier.post(url, json={}, headers={"authorization": "hook-of-citypak"})
        assert held.status_code == 503


async def test_dhls_handshake_keeps_the_secret_and_tells_nobody(api: Any) -> None:
    async with api.client("kandy") as http:
        made = await http.post("/api/couriers", json=DHL)
        assert made.status_code == 201, made.text
        url = "/api/webhooks/courier/kandy/dhl?key=a-long-text-of-ours"
        async with api.client() as courier:
            told = await courier.post(url, json={"scope": "subscription.created", "secret": "s3cr"})
        assert told.status_code == 200
        assert api.sent.records == []
        listed = (await http.get("/api/couriers")).json()["couriers"]
        dhl = next(one for one in listed if one["code"] == "dhl")
        assert dhl["secrets"]["push_secret"]["set"] is True
