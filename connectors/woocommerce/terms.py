"""Categories, tags and the shop's own attributes by name: a product names them by ids, which only
the shop gives."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable
from typing import Any

from connectors.woocommerce import wire
from connectors.woocommerce.rest import API, Rejected, Rest
from connectors.woocommerce.wire import Resource

TAXONOMIES = ("categories", "tags")
MAX_KNOWN = 5_000
LOOK_AGAIN_S = 60.0
"""Most attributes are a product's own: the shop is not asked at each of them."""


class Terms:
    """Of one shop; what was found once is remembered."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._known: dict[tuple[str, str], int] = {}
        self._attributes: dict[str, int] = {}
        self._looked_s = -LOOK_AGAIN_S

    async def named(self, taxonomy: str, names: list[Any]) -> list[Resource]:
        """`[{"id": 21, "name": "Tea"}, ...]` of these names; missing ones are made. Core goes by
        the id; the name is there for the mark. Raises as `Rest.send`."""
        found = {name: await self._one(taxonomy, name) for name in wire.term_names(names)}
        return [{"id": number, "name": name} for name, number in found.items() if number]

    async def attributes(self, names: Iterable[str]) -> dict[str, int]:
        """Name in small letters to id, of the attributes that the shop has for all its products
        (its filters and colour swatches go by them); others are a product's own. Raises as
        `Rest.send`."""
        wanted = {name.strip().lower() for name in names}
        now_s = time.monotonic()
        if wanted - self._attributes.keys() and now_s - self._looked_s >= LOOK_AGAIN_S:
            self._looked_s = now_s
            listed = await self._rest.get("/products/attributes")
            self._attributes = {
                html.unescape(str(one.get("name", ""))).strip().lower(): number
                for one in wire.records(listed)
                if (number := wire.whole(one.get("id")))
            }
        return {name: self._attributes[name] for name in wanted if name in self._attributes}

    async def _one(self, taxonomy: str, name: str) -> int | None:
        place = (taxonomy, name.strip().lower())
        number = self._known.get(place)
        if number is None:
            number = await self._find(taxonomy, name.strip())
            if number is not None:
                if len(self._known) >= MAX_KNOWN:
                    self._known.clear()
                self._known[place] = number
        return number

    async def _find(self, taxonomy: str, name: str) -> int | None:
        path = f"/products/{taxonomy}"
        listed = await self._rest.get(path, {"search": name, "per_page": "100"})
        for term in wire.records(listed):
            # Core shows names with entities: `Tea &amp; spices`.
            if html.unescape(str(term.get("name", ""))).lower() == name.lower():
                return wire.whole(term.get("id"))
        try:
            made = await self._rest.send("POST", API + path, body={"name": name})
        except Rejected as error:
            if error.code != "term_exists":
                raise
            return wire.whole(error.data.get("resource_id"))
        return wire.whole(made.get("id"))
