"""`GET /api/analytics`: figures of each day; each table as CSV or Parquet."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.analytics import as_csv, as_parquet, figures_of, shown
from api.deps import UseCaller, UseServices
from api.shapes import to_json

router = APIRouter(prefix="/api/analytics", tags=["analytics"])

Begin = Annotated[str, Query(alias="from", max_length=10, description="2026-11-01; or 14 days")]
End = Annotated[str, Query(max_length=10, description="2026-11-23, included; else today")]
PARQUET = "application/vnd.apache.parquet"


@router.get("")
async def get_analytics(
    caller: UseCaller,
    use: UseServices,
    begin: Begin = "",
    to: End = "",
    organizationId: str | None = None,
) -> Response:
    """Orders and revenue, latency, conflicts, low stock and couriers, by the shop's own days; a
    change is in them within seconds."""
    caller.check(organizationId)
    found = await figures_of(use, caller.organization_id, begin, to)
    body = to_json(shown(found, use.settings.time_zone))
    return Response(body, media_type="application/json")


@router.get("/{sheet}.{kind}")
async def get_sheet(
    sheet: Literal["orders", "latency", "conflicts", "stock", "couriers"],
    kind: Literal["csv", "parquet"],
    caller: UseCaller,
    use: UseServices,
    begin: Begin = "",
    to: End = "",
    organizationId: str | None = None,
) -> Response:
    """One table as a file."""
    caller.check(organizationId)
    found = await figures_of(use, caller.organization_id, begin, to)
    chosen = found.sheets[sheet]
    name = f"{sheet}-{found.first}-{found.last}.{kind}"
    return Response(
        as_csv(chosen) if kind == "csv" else as_parquet(chosen),
        media_type="text/csv; charset=utf-8" if kind == "csv" else PARQUET,
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "x-content-type-options": "nosniff",
        },
    )
