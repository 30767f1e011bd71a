"""Writes through the plugin's route: up to 100 operations a call, each compare-and-set under the
item's lock (docs/plugin-route.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.errors import Malformed
from connectors.protocol import Answer, Links, StateCommand
from connectors.woocommerce import answers
from connectors.woocommerce.additions import SEEN_OTHERWISE
from connectors.woocommerce.customers import known_customer
from connectors.woocommerce.orders import NotThereYet, create_body, item_of
from connectors.woocommerce.rest import ROUTE, Missing, Rejected, Rest
from connectors.woocommerce.rich import Rich
from connectors.woocommerce.terms import Terms
from connectors.woocommerce.variations import parent_of, variation_body
from connectors.woocommerce.wire import Resource
from connectors.woocommerce.writing import (
    create_operation,
    holds,
    item_operation,
    raw_expected,
    stock_operation,
)
from schemas.command import Create, Delete, Read, Write

NOT_YET = Answer(result="missing", reason="its product is not in the shop yet")


class RouteWriter:
    """Applies commands through the route. `size` is the shop's own `max_operations`."""

    def __init__(self, rest: Rest, size: int) -> None:
        self._rest = rest
        self._size = max(1, min(size, 100))
        self._country = rest.shop.country
        self._terms = Terms(rest)
        self._rich = Rich(rest, self._terms)

    async def apply(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        """Answers in the commands' order. Raises what `Rest.send` raises for the whole call."""
        found: list[Answer] = []
        for start in range(0, len(commands), self._size):
            found += await self._chunk(commands[start : start + self._size], links)
        return found

    async def _chunk(self, commands: Sequence[StateCommand], links: Links) -> list[Answer]:
        decided: dict[int, Answer] = {}
        operations: dict[int, Resource] = {}
        for place, command in enumerate(commands):
            made = await self._operation(command, links)
            if isinstance(made, Answer):
                decided[place] = made
            else:
                operations[place] = made
        results = await self._send(list(operations.values()))
        again: dict[int, Resource] = {}
        for place, result in zip(operations, results, strict=True):
            command = commands[place]
            spelled = self._respelled(command, operations[place], result)
            if spelled is not None:
                again[place] = spelled
            else:
                decided[place] = self._answer(command, operations[place], result)
        for place, result in zip(again, await self._send(list(again.values())), strict=True):
            decided[place] = self._answer(commands[place], again[place], result)
        return [decided[place] for place in range(len(commands))]

    async def _send(self, operations: list[Resource]) -> list[Resource]:
        if not operations:
            return []
        document = await self._rest.send("POST", ROUTE, body={"operations": operations})
        results = document.get("results") if isinstance(document, dict) else None
        if not isinstance(results, list) or len(results) != len(operations):
            raise Malformed("the plugin's route answered with other than one result an operation")
        return results

    async def _operation(self, command: StateCommand, links: Links) -> Resource | Answer:
        if not isinstance(command, Create):
            return await self._on_item(command, links)
        if command.type == "inventory":
            external_id = await item_of(command, links, command.entity_id)
            return NOT_YET if external_id is None else stock_operation(command, external_id)
        if command.type == "variation":
            return await self._variation(command, links)
        try:
            if command.type == "customer":
                known = await known_customer(self._rest, command)
                if known is not None:
                    return known
            want = await create_body(command, links, self._terms, plain=False)
        except NotThereYet as error:
            return Answer(result="retry", reason=str(error))
        except Rejected as error:
            return Answer(result="failed", reason=str(error))
        return create_operation(command, want)

    async def _on_item(self, command: Write | Delete | Read, links: Links) -> Resource | Answer:
        try:
            operation = item_operation(command)
            if isinstance(command, Write):
                operation["want"] |= await self._rich.body(command, links)
        except ValueError:
            return Answer(result="failed", reason=f"no item id: {command.external_id!r}")
        except Missing as error:
            return answers.missing(command, str(error))
        except NotThereYet as error:
            return Answer(result="retry", reason=str(error))
        except Rejected as error:
            if error.code == SEEN_OTHERWISE:
                # A write of nothing is compared, and its answer tells what is there.
                return {**operation, "want": {}, "expected": {"id": 0}}
            return Answer(result="failed", reason=str(error))
        return operation

    async def _variation(self, command: Create, links: Links) -> Resource | Answer:
        parent = await parent_of(command, links)
        if parent is None:
            return NOT_YET
        try:
            want = await variation_body(self._rest, parent, command, self._terms)
        except Missing as error:
            return answers.missing(command, str(error))
        except Rejected as error:
            return Answer(result="failed", reason=str(error))
        return {**create_operation(command, want), "parent_id": int(parent)}

    def _respelled(
        self, command: StateCommand, operation: Resource, result: Resource
    ) -> Resource | None:
        """A refusal that is only about spelling ("077 123" for "+9477123", `pending` for a draft):
        the same operation again, expecting the item's own spelling; compared under the lock too."""
        resource = result.get("resource")
        if (
            not isinstance(command, Write)
            or result.get("result") != "refused"
            or result.get("reason") != "expected"
            or not isinstance(resource, dict)
            or not holds(
                command.type, command.external_id, resource, command.expected, self._country
            )
        ):
            return None
        again = item_operation(command, raw_expected(command.type, resource, command.expected))
        return {**again, "want": operation["want"]}

    def _answer(self, command: StateCommand, operation: Resource, result: Resource) -> Answer:
        word, reason = result.get("result"), str(result.get("reason") or "")
        resource = result.get("resource")
        if word == "missing":
            return answers.missing(command, reason)
        if word == "invalid":
            message = f"{reason}: {result.get('message') or ''}".strip(": ")
            return Answer(result="failed", reason=message)
        if word not in ("taken", "refused") or not isinstance(resource, dict):
            return Answer(result="retry", reason=f"the plugin's route answered {word!r}")
        if word == "refused" and reason == "sku" and isinstance(command, Create):
            return answers.found_by_sku(command, resource, self._country)
        external_id, parent = None, operation.get("parent_id")
        if isinstance(command, Create) and (parent or command.type == "inventory"):
            number = operation.get("id") or resource.get("id")
            external_id = f"{parent}:{number}" if parent else str(number)
        answer = answers.tell(command, word, resource, self._country, reason, external_id)
        gone = result.get("gone") and (isinstance(command, Read) or command.type == "inventory")
        if gone and answer.seen is not None:
            return replace(answer, result="missing")
        return answer


async def describe(rest: Rest) -> dict[str, str]:
    """What the plugin says of itself; empty without it. Raises as `Rest.send` does."""
    try:
        found: Any = await rest.send("GET", ROUTE)
    except Rejected:
        return {}
    if not isinstance(found, dict) or not found.get("plugin"):
        return {}
    return {
        name: str(found[name]) for name in ("plugin", "protocol", "max_operations") if name in found
    }
