"""The event an application hands us: `queueEvent`, as `POST /api/events` and as a Python call.

Pydantic, because this is an edge: what is wrong is said field by field. Unknown names beside `data`
are refused, so that a misspelt `organisationId` is not silently ignored.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from schemas.envelope import rfc3339

EventType = Literal["product", "order", "customer", "inventory", "message"]
EventAction = Literal["create", "update", "delete"]

MAX_DATA_BYTES = 5_000_000
"""The limit of every delivery (DESIGN, Flow)."""

_EARLIEST_MS = 100_000_000_000
"""1973: an epoch number below this is seconds, not milliseconds."""
_LATEST_MS = 253_402_300_799_999
"""The last moment of the year 9999."""
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def timestamp_ms(value: Any) -> int:
    """Milliseconds since 1970 from RFC 3339 text with an offset, epoch milliseconds, or an aware
    datetime. Raises ValueError, whose text is for the caller."""
    if isinstance(value, bool):
        raise ValueError("must be RFC 3339 text or milliseconds since 1970, not a boolean")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("must have a time zone")
        return int(value.timestamp() * 1000)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        if not _EARLIEST_MS <= value <= _LATEST_MS:
            raise ValueError("must be in milliseconds since 1970 (this looks like another unit)")
        return value
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
        return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
    raise ValueError(
        "must be RFC 3339 with an offset, such as 2026-11-22T09:30:00Z, or milliseconds since 1970"
    )


class QueuedEvent(BaseModel):
    """`{id, type, action, data, source, timestamp, organizationId}`, the user's own shape."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    """Unique: an id that was applied before changes nothing."""
    type: EventType
    action: EventAction = "update"
    data: dict[str, Any]
    """The fields; which entity it is, by `id` or `_id`, `entityId`, `sku`, `phone`, `email`."""
    source: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_-]{0,63}(:[0-9]{1,4})?$")
    ] = "web"
    """The side that says so: `web` (the merchant's database), `woocommerce`, `whatsapp`, ..."""
    timestamp: Annotated[int, BeforeValidator(timestamp_ms, json_schema_input_type=datetime | int)]
    """When it happened: milliseconds since 1970, from any of the accepted forms."""
    organization_id: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")
    ] = Field(validation_alias=AliasChoices("organizationId", "organization_id"))

    @property
    def replica(self) -> str:
        """The replica that speaks: `web` is the merchant's own database."""
        return "mongodb" if self.source == "web" else self.source

    def to_wire(self) -> dict[str, Any]:
        """The user's shape again, its timestamp as RFC 3339 in UTC."""
        return {
            "id": self.id,
            "type": self.type,
            "action": self.action,
            "data": self.data,
            "source": self.source,
            "timestamp": rfc3339(self.timestamp),
            "organizationId": self.organization_id,
        }
