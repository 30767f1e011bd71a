"""Writes to a shop without the plugin: read, compare, one PUT with the mark; one call an item.

What is edited between the read and the PUT is lost, except stock, which is sent as a difference.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import Paused, Retry, Unknown
from connectors.protocol import Answer, Links, StateCommand
from connectors.woocommerce import answers, wire
from connectors.woocommerce.additions import FIELDS as ADDED
from connectors.woocommerce.additions import SEEN_OTHERWISE
from connectors.woocommerce.customers import known_customer
from connectors.woocommerce.mapping import seen_of
from connectors.woocommerce.marks import REST_NAMES, mark_entry, raw_mark, with_pictures
from connectors.woocommerce.orders import NotThereYet, create_body, item_of
from connectors.woocommerce.rest import API, DUPLICATE_SKU, Missing, Rejected, Rest
from connectors.woocommerce.rich import Rich
from connectors.woocommerce.route import NOT_YET
from connectors.woocommerce.terms import Terms
from connectors.woocommerce.variations import parent_of, variation_body
from connectors.woocommerce.wire import Resource
from connectors.woocommerce.writing import item_ids, rest_fields, rest_totals
from schemas.command import Create, Delete, Read, Write
from schemas.observation import Seen

AT_ONCE = 6
GIVE_UP_AFTER = 3
COLLECTIONS = {"product": "products", "order": "orders", "customer": "customers"}


@dataclass
class _Turn:
    """One `apply`: after a few failures the shop is left alone until the sink comes again."""

    found: dict[int, Answer] = field(default_factory=dict)
    failures: list[Retry | Unknown] = field(default_factory=list)
    paused: Paused | None = None

    @property
    def over(self) -> bool:
        return self.paused is not None or len(self.failures) >= GIVE_UP_AFTER

    def answers(self, count: int) -> list[Answer]:
        """All answers; those without one are to be tried again. Raises Paused, and Retry when
        nothing was answered at all."""
        if self.paused is not None:
            raise self.paused
        if not self.failures:
            return [self.found[place] for place in range(count)]
        reason = str(self.failures[-1])
        waits = [error.retry_after_s or 0.0 for error in self.failures if isinstance(error, Retry)]
        wait = max(waits, default=0.0) or None
        if not self.found:
            raise Retry(reason, wait)
        again = Answer(result="retry", reason=reason, retry_after_s=wait)
        return [self.found.get(place, again) for place in range(count)]


def path_of(entity_type: str, external_id: str) -> str:
    """Where the item is, below the API. Raises ValueError for what is no id of the shop's."""
    number, parent = item_ids(external_id)
    if entity_type in COLLECTIONS and not parent:
        return f"/{COLLECTIONS[entity_type]}/{number}"
    return f"/products/{parent}/variations/{number}" if parent else f"/products/{number}"


class PlainWriter:
    """Applies commands by core's own REST API."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._country = rest.shop.country
        self._terms = Terms(rest)
        self._rich = Rich(rest, self._terms)
        self.raced = 0
        """Writes around which something else of the item changed: edits that may be lost."""

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """Answers in the commands' order; items side by side, one item's commands in turn.

        Raises Paused, and Retry when no command reached the shop.
        """
        lanes: dict[str, list[int]] = defaultdict(list)
        for place, command in enumerate(commands):
            lane = command.entity_id if isinstance(command, Create) else command.external_id
            lanes[lane].append(place)
        slots, turn = asyncio.Semaphore(AT_ONCE), _Turn()

        async def run(places: list[int]) -> None:
            async with slots:
                for place in places:
                    await self._guarded(place, commands[place], links, turn)

        async with asyncio.TaskGroup() as group:
            for places in lanes.values():
                group.create_task(run(places))
        return turn.answers(len(commands))

    async def _guarded(self, place: int, command: StateCommand, links: Links, turn: _Turn) -> None:
        if turn.over:
            return
        try:
            turn.found[place] = await self._one(command, links)
        except Missing as error:
            turn.found[place] = answers.missing(command, str(error))
        except Rejected as error:
            if error.code == SEEN_OTHERWISE and not isinstance(command, Create):
                turn.found[place] = await self._refused(command)
            else:
                turn.found[place] = Answer(result="failed", reason=str(error))
        except Paused as error:
            turn.paused = error
        except NotThereYet as error:
            turn.found[place] = Answer(result="retry", reason=str(error))
        except ValueError as error:
            turn.found[place] = Answer(result="failed", reason=f"no item id: {error}")
        except (Retry, Unknown) as error:
            # State only: what may have happened is read before it is sent again.
            turn.failures.append(error)

    async def _refused(self, command: Write | Delete | Read) -> Answer:
        """The shop holds something that we had not seen: what it is."""
        resource = await self._read(path_of(command.type, command.external_id))
        return answers.tell(command, "refused", resource, self._country, SEEN_OTHERWISE)

    async def _one(self, command: StateCommand, links: Links) -> Answer:
        if isinstance(command, Create):
            if command.type == "inventory":
                return await self._first_stock(command, links)
            return await self._create(command, links)
        path = path_of(command.type, command.external_id)
        resource = await self._read(path)
        if isinstance(command, Read):
            answer = answers.tell(command, "taken", resource, self._country)
            gone = answer.seen is not None and not answer.seen.exists
            return answers.missing(command, "in the trash") if gone else answer
        seen = seen_of(command.type, command.external_id, resource, self._country)
        if seen.mark is not None and seen.mark.op == command.op:
            return answers.tell(command, "taken", resource, self._country)
        objection = _objection(command, seen, marked=can_bear_mark(command.type, resource))
        if objection:
            return answers.tell(command, "refused", resource, self._country, objection)
        if isinstance(command, Delete):
            return await self._delete(command, path)
        return await self._write(command, path, resource, links)

    async def _read(self, path: str) -> Resource:
        resource = await self._rest.get(path)
        if not isinstance(resource, dict):
            raise Unknown(f"GET {path}: the answer is no item")
        return resource

    async def _write(self, command: Write, path: str, before: Resource, links: Links) -> Answer:
        rich = await self._rich.body(command, links, before)
        want = rest_fields(command.type, command.want) | rich
        metadata = want.pop("meta_data", [])
        body = dict(want)
        held = wire.whole(before.get("stock_quantity"))
        if "stock_quantity" in body and held is not None and before.get("manage_stock") is True:
            # A difference, not a figure: a sale between our read and this call is kept.
            body["inventory_delta"] = body.pop("stock_quantity") - held
        mark = mark_entry(
            command.type,
            command.entity_id,
            command.op,
            want,
            rest_totals(command.type, command.totals),
            raw_mark(command.type, before),
        )
        after = await self._rest.send(
            "PUT", API + path, body={**body, "meta_data": [*metadata, mark]}
        )
        after = await self._marked(path, want, mark, after)
        answer = answers.tell(command, "taken", after, self._country)
        reason = self._race(command, before, answer.seen)
        return answers.tell(command, "taken", after, self._country, reason) if reason else answer

    async def _marked(self, path: str, want: Resource, mark: Resource, made: Resource) -> Resource:
        """The item as it is once its mark tells of the pictures that were uploaded."""
        again = with_pictures(mark, want, made)
        if again is None:
            return made
        after: Resource = await self._rest.send("PUT", API + path, body={"meta_data": [again]})
        return after

    def _race(self, command: Write, before: Resource, after: Seen | None) -> str:
        """What else changed between read and write: a sign that an edit may have been lost."""
        if after is None:
            return ""
        was = seen_of(command.type, command.external_id, before, self._country).fields
        moved = moved_by(command)
        changed = sorted(
            name
            for name, value in after.fields.items()
            if name not in moved and was.get(name) != value
        )
        if not changed:
            return ""
        self.raced += 1
        return f"edited while it was written: {', '.join(changed)}"

    async def _delete(self, command: Delete, path: str) -> Answer:
        try:
            # Variations and customers know no trash.
            force = {"force": "true"} if ":" in command.external_id else None
            await self._rest.send("DELETE", API + path, params=force)
        except Rejected as error:
            if error.code != "woocommerce_rest_already_trashed":
                raise
        seen = Seen(external_id=command.external_id, exists=False)
        return Answer(result="taken", seen=seen, external_id=command.external_id)

    async def _first_stock(self, command: Create, links: Links) -> Answer:
        """The stock of an item that we made and that manages none yet."""
        external_id = await item_of(command, links, command.entity_id)
        if external_id is None:
            return NOT_YET
        path = path_of("inventory", external_id)
        resource = await self._read(path)
        seen = seen_of("inventory", external_id, resource, self._country)
        if seen.mark is not None and seen.mark.op == command.op:
            return answers.tell(command, "taken", resource, self._country, external_id=external_id)
        if resource.get("manage_stock") is not False:
            return answers.tell(
                command, "refused", resource, self._country, "expected", external_id
            )
        want = {"manage_stock": True, **rest_fields("inventory", command.want)}
        totals = rest_totals("inventory", command.totals)
        mark = mark_entry("inventory", command.entity_id, command.op, want, totals)
        after = await self._rest.send("PUT", API + path, body={**want, "meta_data": [mark]})
        return answers.tell(command, "taken", after, self._country, external_id=external_id)

    async def _create(self, command: Create, links: Links) -> Answer:
        """Look for our own item and for the SKU first: a POST has no idempotency key."""
        if command.type not in ("product", "variation", "order", "customer"):
            return Answer(result="failed", reason=f"a {command.type} is not created in a shop")
        parent = await parent_of(command, links) if command.type == "variation" else ""
        if parent is None:
            return NOT_YET
        path = f"/products/{parent}/variations" if parent else f"/{COLLECTIONS[command.type]}"
        found = await self._found(command, path)
        if found is not None:
            return found
        if parent:
            want = await variation_body(self._rest, parent, command, self._terms)
        else:
            want = await create_body(command, links, self._terms, plain=True)
        metadata = want.pop("meta_data", [])
        mark = mark_entry(command.type, command.entity_id, command.op, want, {})
        try:
            body = {**want, "meta_data": [*metadata, mark]}
            made = await self._rest.send("POST", API + path, body=body)
            made = await self._marked(f"{path}/{made.get('id')}", want, mark, made)
        except Rejected as error:
            holder = wire.identifier(error.data.get("resource_id"))
            if error.code != DUPLICATE_SKU or not holder:
                raise
            # Also a variation, or an item in the trash, which the search does not show.
            return self._known(command, await self._read(f"/products/{holder}"))
        external_id = f"{parent}:{made.get('id')}" if parent else None
        return answers.tell(command, "taken", made, self._country, external_id=external_id)

    async def _found(self, command: Create, path: str) -> Answer | None:
        """What bears our mark or the SKU. Core cannot search by meta data, so without a SKU the
        newest hundred are looked through: a repeat follows its first attempt within minutes."""
        sku = str(command.want.get("sku") or "")
        if command.type == "customer":
            return await known_customer(self._rest, command)
        if sku:
            # Finds variations too, under their products' address only.
            path, params = "/products", {"sku": sku, "per_page": "10"}
        else:
            params = {"per_page": "100", "orderby": "date", "order": "desc"}
        listed = wire.records(await self._rest.get(path, params))
        entity = f"{command.type}/{command.entity_id}"
        for resource in listed:
            mark = raw_mark(command.type, resource)
            if mark is not None and mark.get("entity") == entity:
                return self._known(command, resource)
        return self._known(command, listed[0]) if sku and listed else None

    def _known(self, command: Create, resource: Resource) -> Answer:
        mark: dict[str, Any] = raw_mark(command.type, resource) or {}
        if mark.get("entity") == f"{command.type}/{command.entity_id}":
            if resource.get("status") == "trash":
                return answers.tell(command, "refused", resource, self._country, "removed")
            ours = tuple(mark["op"]) == tuple(command.op)
            result, reason = ("taken", "") if ours else ("refused", "after")
            return answers.tell(command, result, resource, self._country, reason)
        return answers.found_by_sku(command, resource, self._country)


def moved_by(command: Write) -> set[str]:
    """Fields that a write may change: those that it names, and what is kept in the same place (a
    customer's phone is part of an address; what is refunded whole has that status)."""
    names = REST_NAMES[command.type]
    written = {rest for name in command.want for rest in names.get(name, ())}
    beside = {name for name, held in names.items() if written & set(held)}
    return beside | command.want.keys() | ({"status"} if "refunds" in command.want else set())


def can_bear_mark(entity_type: str, resource: Resource) -> bool:
    """A customer's meta data are shown to keys of administrators only."""
    return entity_type != "customer" or "meta_data" in resource


def _objection(command: Write | Delete, seen: Seen, *, marked: bool) -> str:
    """Why the item may not be written now, in the route's words; empty if it may."""
    last = seen.mark.op if seen.mark is not None else None
    if last is not None and command.op <= last:
        return "sequence"
    if marked and command.after != last:
        return "after"
    alone = ADDED if command.type == "order" else frozenset[str]()  # compared where they are added
    for name, value in command.expected.items():
        if name not in alone and seen.fields.get(name) != value:
            return "expected"
    return ""
