"""/analytics and /api/analytics on figures as the agent keeps them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from api.login import issue_login_link
from streams.analytics.agent import COLLECTION

pytestmark = pytest.mark.servers

NOW_MS = 1_795_000_000_000
"""2026-11-18 16:36 in Colombo."""


@pytest.fixture
async def figures(api: Any) -> None:
    """Two days of kandy's, one of galle's."""
    api.app.state.services = replace(api.services, clock_ms=lambda: NOW_MS)
    rows = api.services.database[COLLECTION]
    nothing: dict[str, Any] = {
        "upto": 1, "log": "log", "changes": 0, "orders": [], "latency": {}, "conflicts": [],
        "couriers": [], "expiresAt": datetime(2028, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    sale = {"currency": "LKR", "orders": 2, "cancelled": 1, "revenue": "1899.50", "refunded": "0"}
    await rows.insert_many(
        [
            {**nothing, "_id": "kandy/2026-11-17", "organizationId": "kandy", "day": "2026-11-17",
             "orders": [sale], "changes": 12, "latency": {"woocommerce": {"40": 9, "60": 1}},
             "conflicts": [{"type": "product", "field": "price", "count": 3}],
             "couriers": [{"courier": "aramex", "delivered": 1, "hours": [30.5]}]},
            {**nothing, "_id": "kandy/2026-11-18", "organizationId": "kandy", "day": "2026-11-18",
             "orders": [{**sale, "currency": "USD", "revenue": "20"}]},
            {**nothing, "_id": "galle/2026-11-18", "organizationId": "galle", "day": "2026-11-18",
             "orders": [{**sale, "orders": 99}]},
            {"_id": "kandy/stock", "organizationId": "kandy", "day": "", "upto": 1, "log": "log",
             "low": 1, "out": 1, "items": [{"entityId": "p1", "label": "=cmd|'x'!A1",
             "quantity": 0, "threshold": 3, "sinceMs": NOW_MS}]},
        ]
    )  # fmt: skip


async def test_figures_as_json(api: Any, figures: None) -> None:
    async with api.client("kandy") as client:
        found = (await client.get("/api/analytics")).json()
        assert (found["first"], found["last"]) == ("2026-11-05", "2026-11-18")
        assert found["timeZone"] == "Asia/Colombo"
        orders = found["sheets"]["orders"]
        assert [(row["day"], row["currency"], row["revenue"]) for row in orders["rows"]] == [
            ("2026-11-17", "LKR", "1899.50"),
            ("2026-11-18", "USD", "20"),
        ]
        assert "FROM orders" in orders["sql"]
        one = await client.get("/api/analytics", params={"from": "2026-11-18", "to": "2026-11-18"})
        assert [row["currency"] for row in one.json()["sheets"]["orders"]["rows"]] == ["USD"]
        for wrong in ({"from": "x"}, {"from": "2026-11-19", "to": "2026-11-18"},
                      {"from": "2020-01-01", "to": "2026-11-18"}):  # fmt: skip
            assert (await client.get("/api/analytics", params=wrong)).status_code == 422
        other = await client.get("/api/analytics", params={"organizationId": "galle"})
        assert other.status_code == 404
    async with api.client() as client:
        assert (await client.get("/api/analytics")).status_code == 401


async def test_files(api: Any, figures: None) -> None:
    async with api.client("kandy") as client:
        answer = await client.get("/api/analytics/stock.csv")
        assert 'filename="stock-2026-11-05-2026-11-18.csv"' in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert rows == [
            {"product_id": "p1", "label": "'=cmd|'x'!A1", "quantity": "0", "threshold": "3"}
        ]
        answer = await client.get("/api/analytics/orders.parquet")
        table = pq.read_table(io.BytesIO(answer.content)).to_pylist()
        assert [row["revenue"] for row in table] == [Decimal("1899.5"), Decimal(20)]
        assert (await client.get("/api/analytics/orders.xls")).status_code == 422


async def test_the_page(api: Any, figures: None) -> None:
    link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", "kandy")
    async with api.client() as client:
        await client.get(link)
        page = (await client.get("/analytics")).text
        assert "1,899.50" in page
        assert "Nothing is low in stock." not in page
        assert "=cmd|&#39;x&#39;!A1" in page
        assert "<style" not in page
        assert "style=" not in page
        wrong = (await client.get("/analytics?from=nonsense")).text
        assert "is no day" in wrong
    link = await issue_login_link(api.services.database, "http://127.0.0.1:3000", "galle")
    async with api.client() as client:
        await client.get(link)
        page = (await client.get("/analytics?from=2026-11-01&to=2026-11-02")).text
        assert "No order was placed in these days." in page
