"""Couriers' times: kept in UTC, with the offset they came with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Asia/Colombo"
ISO = "iso"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and the clock on the wall where it happened."""

    at_ms: int
    """Since 1970 UTC."""
    offset_min: int
    """East of UTC; what was sent, or the assumed zone's."""
    assumed: bool = False
    """No offset was sent: the account's zone was taken."""


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a zone nobody knows."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"no time zone is named {name!r}; an example is {DEFAULT_ZONE}") from error


def moment_of(
    text: str, zone_name: str = DEFAULT_ZONE, formats: Sequence[str] = (ISO,)
) -> Moment | None:
    """The first of `formats` (`iso`, or strptime's) that fits; None for what is no such time.

    An offset in the text wins over the zone."""
    stripped = text.strip()
    for form in formats if stripped else ():
        try:
            found = (
                datetime.fromisoformat(stripped)
                if form == ISO
                else datetime.strptime(stripped, form)  # noqa: DTZ007 - the zone follows
            )
        except ValueError:
            continue
        return _placed(found, zone_name)
    return None


def zone_offset_min(at_ms: int, zone_name: str) -> int:
    """Minutes east of UTC in this zone at this instant."""
    offset = datetime.fromtimestamp(at_ms / 1000, zone(zone_name)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)


def _placed(found: datetime, zone_name: str) -> Moment:
    assumed = found.tzinfo is None
    placed = found.replace(tzinfo=zone(zone_name)) if assumed else found
    offset = placed.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds() // 60)
    return Moment(round(placed.timestamp() * 1000), minutes, assumed)


def estimate(text: str, zone_name: str) -> str | None:
    """When it is expected: RFC 3339 in UTC; a date alone stays one, for no hour was told."""
    if len(text) == 10 and moment_of(text, zone_name):
        return text
    found = moment_of(text, zone_name)
    return None if found is None else utc(found.at_ms)


def utc(at_ms: int) -> str:
    """RFC 3339 with whole seconds: no courier tells more."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat(timespec="seconds")[:-6] + "Z"
