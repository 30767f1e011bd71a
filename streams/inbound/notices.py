"""Notices of deletions that nobody here knows anything of: a shop sends `product.deleted` for every
post that is trashed. Such an item must not be given an identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.protocol import Parsed, Sighting
from streams.identity import Place
from streams.inbound.references import Identities

Told = tuple[str, str, Parsed]
"""Organisation, replica, what a delivery says."""


async def known_only(deliveries: Sequence[Told], identities: Identities) -> list[Parsed]:
    """The deliveries without notices of items that are neither linked nor told of beside them."""
    noticed = {
        _place(org, replica, one)
        for org, replica, parsed in deliveries
        for one in parsed.sightings
        if _is_notice(one)
    }
    if not noticed:
        return [parsed for _, _, parsed in deliveries]
    known = set(await identities.entity_ids(noticed))
    known |= {
        _place(org, replica, one)
        for org, replica, parsed in deliveries
        for one in parsed.sightings
        if not _is_notice(one)
    }
    return [
        replace(
            parsed,
            sightings=tuple(
                one
                for one in parsed.sightings
                if not _is_notice(one) or _place(org, replica, one) in known
            ),
        )
        for org, replica, parsed in deliveries
    ]


def _is_notice(sighting: Sighting) -> bool:
    return sighting.seen is None and not sighting.match_keys


def _place(organization_id: str, replica: str, sighting: Sighting) -> Place:
    return organization_id, replica, sighting.type, sighting.external_id
