"""Everything a shop holds, page by page, as deliveries that `parse` understands.

Core has no keyset ("ids above 412"), only offsets, and what is deleted while we page moves
everything behind it forward, past us. So every page begins with the last item of the one before;
where that is not found first, we step back. New items have the highest ids, so they come last.

Without the plugin texts are read as webhooks show them, with it as they are stored
(`context=edit`): each shop in one form only, or the difference would pass for an edit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.protocol import Ids, Listed, Page
from connectors.woocommerce.marks import KINDS
from connectors.woocommerce.rest import DIGEST, ITEMS, ROUTE, NoRoute, Rest
from connectors.woocommerce.wire import Resource, identifier, records
from connectors.woocommerce.writing import item_ids
from schemas.envelope import rfc3339

PAGE = 100
"""The most that core shows on one page, and the route reads in one call."""
DIGEST_MOST = 500
OVERLAP_MS = 120_000
"""The shop's clock is not ours, and `modified_after` has whole seconds."""
PATHS = {"product": "/products", "order": "/orders", "customer": "/customers"}
VARIATION = "variation"


@dataclass(frozen=True)
class _Place:
    """Where a collection is gone on with."""

    offset: int = 0
    last: int = 0
    """The highest id shown so far."""

    @classmethod
    def of(cls, text: str) -> _Place:
        offset, _, last = text.partition(":")
        return cls(int(offset), int(last)) if last else cls()

    def __str__(self) -> str:
        return f"{self.offset}:{self.last}"


class Listing:
    """One shop's. `plugin`: whether it has our plugin, by which ids and etags are told."""

    def __init__(self, rest: Rest, *, plugin: bool) -> None:
        self._rest = rest
        self._plugin = plugin
        self._form = {"context": "edit"} if plugin else {}

    async def page(self, entity_type: str, cursor: str, since_ms: int | None, limit: int) -> Page:
        """See `connectors.protocol.Lists`. Stock is in products and variations: `inventory` has no
        pages of its own. Customers know no time of change: they are always all told. Raises as
        `Rest.send`."""
        if entity_type == VARIATION:
            if self._plugin and since_ms is None:
                return await self._told_variations(cursor, limit)
            return await self._variations(cursor, since_ms, limit)
        if entity_type not in PATHS:
            return Page(())
        params = dict(self._form)
        if entity_type == "customer":
            params["role"] = "customer"  # "all" lists the people who run the shop, too
        else:
            params |= _since(since_ms)
        place = _Place.of(cursor)
        found, following, total = await self._part(PATHS[entity_type], params, place, limit)
        items = tuple(_listed(entity_type, row) for row in found)
        return Page(items, str(following) if following else "", total)

    async def _part(
        self, path: str, params: Mapping[str, str], place: _Place, limit: int
    ) -> tuple[list[Resource], _Place | None, int | None]:
        """(items behind the place, the following place, how many there are)."""
        size = max(2, min(limit, PAGE))
        offset = place.offset
        while True:
            start = max(0, offset - 1)
            asked = {
                **params,
                "orderby": "id",
                "order": "asc",
                "per_page": str(size),
                "offset": str(start),
            }
            rows, total = await self._rest.listed(path, asked)
            if start and (not rows or _number(rows[0]) > place.last):
                offset = max(0, offset - size)  # items before this place are gone
                continue
            break
        fresh = [row for row in rows if _number(row) > place.last]
        last = _number(fresh[-1]) if fresh else place.last
        more = len(rows) == size
        return fresh, _Place(start + len(rows), last) if more else None, total

    async def _variations(self, cursor: str, since_ms: int | None, limit: int) -> Page:
        """Parent by parent: core shows variations nowhere else."""
        place_text, _, rest = cursor.partition(";")
        waiting_text, _, within_text = rest.partition(";")
        parents: _Place | None = _Place.of(place_text) if place_text != "-" else None
        waiting = [number for number in waiting_text.split(",") if number]
        within, items = _Place.of(within_text), list[Listed]()
        params = self._form | _since(since_ms)
        while len(items) < limit:
            if not waiting:
                if parents is None:
                    return Page(tuple(items))
                variable = {"type": "variable", "_fields": "id"}
                rows, parents, _ = await self._part("/products", variable, parents, PAGE)
                waiting = [str(_number(row)) for row in rows]
                continue
            path = f"/products/{waiting[0]}/variations"
            rows, following, _ = await self._part(path, params, within, PAGE)
            items += [_listed(VARIATION, row, waiting[0]) for row in rows]
            within = following or _Place()
            waiting = waiting[1:] if following is None else waiting
        return Page(tuple(items), f"{parents or '-'};{','.join(waiting)};{within}")

    async def _told_variations(self, cursor: str, limit: int) -> Page:
        """The plugin tells all ids at once."""
        told = await self.ids(VARIATION, cursor, min(limit, PAGE))
        if told is None:
            return await self._variations("", None, limit)
        return Page(await self.read(VARIATION, told.ids), told.next, told.total)

    async def ids(self, entity_type: str, cursor: str, limit: int) -> Ids | None:
        """See `connectors.protocol.Sweeps`."""
        if not self._plugin or entity_type not in (*PATHS, VARIATION):
            return None
        params = {
            "resource": KINDS[entity_type],
            "after": cursor or "0",
            "limit": str(min(limit, DIGEST_MOST)),
        }
        try:
            told = await self._rest.send("GET", ITEMS, params=params)
        except NoRoute:
            return None
        ids = tuple(str(one) for one in told.get("ids") or ())
        return Ids(ids, str(told.get("next") or ""), int(told.get("total") or 0))

    async def digest(
        self, entity_type: str, external_ids: Sequence[str], each: bool
    ) -> Mapping[str, str] | None:
        """See `connectors.protocol.Lists`."""
        if not self._plugin or entity_type not in (*PATHS, VARIATION):
            return None
        body = {"resource": KINDS[entity_type], "ids": list(external_ids), "each": each}
        try:
            told = await self._rest.send("POST", DIGEST, body=body)
        except NoRoute:
            return None
        if each:
            items = told.get("items")
            return {str(name): str(etag) for name, etag in items.items()} if items else {}
        return {"": str(told.get("digest"))}

    async def read(self, entity_type: str, external_ids: Sequence[str]) -> tuple[Listed, ...]:
        """See `connectors.protocol.Sweeps`."""
        if entity_type == "inventory":
            whole = await self.read("product", [one for one in external_ids if ":" not in one])
            return whole + await self.read(VARIATION, [one for one in external_ids if ":" in one])
        if entity_type not in (*PATHS, VARIATION):
            return ()
        found: dict[str, Listed] = {}
        for start in range(0, len(external_ids), PAGE):
            for item in await self._some(entity_type, external_ids[start : start + PAGE]):
                found[item.external_id] = item
        return tuple(found[one] for one in external_ids if one in found)

    async def _some(self, entity_type: str, external_ids: Sequence[str]) -> list[Listed]:
        if self._plugin:
            try:
                return await self._by_route(entity_type, external_ids)
            except NoRoute:
                self._plugin = False
        if entity_type != VARIATION:
            params = {**self._form, "include": ",".join(external_ids), "per_page": str(PAGE)}
            if entity_type == "customer":
                params["role"] = "all"
            rows, _ = await self._rest.listed(PATHS[entity_type], params)
            return [_listed(entity_type, row) for row in rows]
        of_parent: dict[int, list[str]] = defaultdict(list)
        for external_id in external_ids:
            number, parent = item_ids(external_id)
            of_parent[parent].append(str(number))
        found = []
        for parent, numbers in of_parent.items():
            params = {**self._form, "include": ",".join(numbers), "per_page": str(PAGE)}
            rows, _ = await self._rest.listed(f"/products/{parent}/variations", params)
            found += [_listed(entity_type, row, str(parent)) for row in rows]
        return found

    async def _by_route(self, entity_type: str, external_ids: Sequence[str]) -> list[Listed]:
        operations = []
        for external_id in external_ids:
            number, parent = item_ids(external_id)
            operations.append(
                {
                    "do": "read",
                    "resource": KINDS[entity_type],
                    "id": number,
                    "parent_id": parent,
                }
            )
        document = await self._rest.send("POST", ROUTE, body={"operations": operations})
        told = records(document.get("results") if isinstance(document, dict) else None)
        found = []
        for external_id, result in zip(external_ids, told, strict=False):
            resource = result.get("resource")
            if result.get("result") == "taken" and not result.get("gone") and resource:
                parent_id = external_id.rpartition(":")[0]
                found.append(_listed(entity_type, resource, parent_id))
        return found


def _since(since_ms: int | None) -> dict[str, str]:
    """`modified_after` is exclusive and takes the site's time unless told otherwise."""
    if since_ms is None:
        return {}
    moment = rfc3339(max(0, since_ms - OVERLAP_MS)).partition(".")[0].removesuffix("Z")
    return {"modified_after": moment, "dates_are_gmt": "true"}


def _number(row: Resource) -> int:
    return int(identifier(row.get("id")) or 0)


def _listed(entity_type: str, row: Resource, parent: str = "") -> Listed:
    """As a webhook would tell of it: variations are products with a parent there."""
    external_id, body = identifier(row.get("id")), row
    if parent:
        external_id = f"{parent}:{external_id}"
        body = {**row, "type": VARIATION, "parent_id": int(parent)}
    kind = "product" if entity_type == VARIATION else entity_type
    return Listed(external_id, f"{kind}.updated", _encoded(body))


def _encoded(body: Any) -> bytes:
    return msgspec.json.encode(body)
