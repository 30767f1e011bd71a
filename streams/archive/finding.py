"""Who is meant by a phone number, an e-mail address or an id, and what of ours is about them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Undecodable, decode
from schemas.fields import PERSONAL
from streams.archive.erasing import Person, needles_of
from streams.database import Database
from streams.entities import COLLECTION
from streams.sync.record import Record

_NAMING = frozenset(
    ("name", "firstName", "lastName", "fullName", "company", "senderName", "address1", "address2",
     "addressLine1", "addressLine2", "line1", "line2", "street", "address")
)  # fmt: skip
"""Within personal fields: what is worth looking for wherever the person is spoken of."""
_REACHING = frozenset(("phone", "email", "whatsapp", "phoneNumber", "mobile", "number"))
_BESIDES = sorted(PERSONAL.keys() - {"customer"})
_SHORTEST = 3
_NUMBER = re.compile(r"[+0][\d\s().-]{7,}")


@dataclass
class Subject:
    """What is to be erased, before anything is."""

    organization: str
    customer_ids: set[str] = field(default_factory=set)
    entities: set[tuple[str, str]] = field(default_factory=set)
    needles: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    """`replica/type/external id` of their items."""

    def person(self) -> Person:
        """To look with; of no erasure yet."""
        return Person(
            "",
            self.organization,
            frozenset(self.entities),
            tuple(sorted(self.needles)),
            tuple(sorted(self.names)),
            frozenset(self.places),
        )


async def find_subject(database: Database, organization_id: str, customer: str) -> Subject:
    """Everything of a customer: found by our id, phone or e-mail. A number or address that no
    customer has is looked for all the same: a guest's orders, a stranger's messages. Errors:
    PyMongoError."""
    found = Subject(organization_id)
    found.needles.update(needles_of([customer]) if _reaches(customer) else ())
    await _customers(database, found, customer)
    await _conversations(database, found)
    person = found.person()
    async for row in _rows(database, organization_id, *_BESIDES):
        if _theirs(row, found, person):
            _add(found, row)
    orders = {name for kind, name in found.entities if kind == "order"}
    async for row in _rows(database, organization_id, "shipment"):
        if _value(row, "orderId") in orders:
            _add(found, row)
    return found


async def _customers(database: Database, found: Subject, customer: str) -> None:
    person = found.person()
    async for record in _rows(database, found.organization, "customer"):
        texts = _texts(_personal(record))
        if record.entity_id == customer or any(person.within(text) for text in texts):
            found.customer_ids.add(record.entity_id)
            _add(found, record)


async def _conversations(database: Database, found: Subject) -> None:
    """Messages are theirs by their conversation."""
    person = found.person()
    async for row in database["ss_conversations"].find({"organizationId": found.organization}):
        text = f"{row.get('phone')} {row.get('userId')} {row.get('conversationId')}"
        if row.get("customerId") in found.customer_ids or person.within(text):
            found.entities.add(("conversation", str(row.get("conversationId"))))
            found.needles.update(needles_of([str(row.get("phone") or "")]))
            if row.get("name"):
                found.names.add(str(row["name"]))


async def _rows(database: Database, organization_id: str, *types: str) -> AsyncIterator[Record]:
    match = {"organizationId": organization_id, "type": {"$in": list(types or PERSONAL)}}
    async for row in database[COLLECTION].find(match, {"record": 1}):
        try:
            yield decode(row["record"], Record)
        except Undecodable:
            continue


def _theirs(record: Record, found: Subject, person: Person) -> bool:
    place = (record.type, record.entity_id)
    if place in found.entities:
        return False  # known already
    if customer := _value(record, "customerId"):
        return customer in found.customer_ids  # two may share a number
    if ("conversation", str(_value(record, "conversationId"))) in found.entities:
        return True
    return any(person.within(text) for text in _texts(_personal(record)))


def _add(found: Subject, record: Record) -> None:
    """What a customer's own record says is looked for everywhere. An order may tell of somebody
    else (a gift has another's number), whose things are not to be touched."""
    found.entities.add((record.type, record.entity_id))
    for replica, held in record.replicas.items():
        if held.external_id:
            found.places.add(f"{replica}/{record.type}/{held.external_id}")
    for name, text in _named(_personal(record)):
        if name in _REACHING and record.type == "customer":
            found.needles.update(needles_of([text]))
        elif name in _NAMING and len(text) >= _SHORTEST:
            found.names.add(text)


def _personal(record: Record) -> dict[str, Any]:
    names = PERSONAL.get(record.type, frozenset())
    agreed = {name: one.value for name, one in record.fields.items() if name in names}
    for replica, held in record.replicas.items():
        shown = {name: one.seen for name, one in held.shadow.items() if name in names}
        agreed[f"seen on {replica}"] = shown
    return agreed


def _value(record: Record, name: str) -> Any:
    found = record.fields.get(name)
    return None if found is None else found.value


def _named(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text with the name that it stands under."""
    if isinstance(node, str):
        if node:
            yield name, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _named(value, key)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _named(value, name)


def _texts(node: Any) -> Iterator[str]:
    return (text for _, text in _named(node))


def _reaches(text: str) -> bool:
    """Whether it is an address or a number rather than an id."""
    return "@" in text or _NUMBER.fullmatch(text) is not None
