"""Pure: the journal against what was seen. Every update that a platform accepted must be current,
superseded by a winner with a name, merged, or an open conflict; nothing may happen twice.

A reference of its own: what each field must have become is worked out here from the journal alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from runtime.chaos.goods import RANK, START
from runtime.chaos.journal import Entry, Journal, Subject
from runtime.chaos.sight import Sight, spelled
from runtime.holdings import EXISTENCE, text

ANNOUNCED = ("processing", "shipped", "out-for-delivery", "cancelled")
"""Of these, a customer is told of on WhatsApp."""
PLAIN = {"product": ("name", "description", "price", "salePrice"), "customer": ("name", "phone")}
_AGREES = {"event": "mongodb"}
"""A queued event speaks for MongoDB's side."""
_MUCH_LATER_MS = 2_000


@dataclass(frozen=True)
class Finding:
    """Something is wrong: lost, duplicate, diverged, stock, dead, unsound (what should have been
    refused, or grew without end) or (until it is settled) owed."""

    kind: str
    told: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.told}"


@dataclass
class Verdict:
    """What is wrong, and what became of the updates."""

    findings: list[Finding] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)
    """current, superseded, merged, contested, moot (its item was deleted); `older won` counts those
    superseded by an edit that was made clearly earlier but came with a later stamp."""
    unsettled: int = 0
    """Messages of which nobody can know whether they were sent: parked, never sent again."""

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not self.findings

    def count(self, kind: str) -> int:
        """Findings of a kind."""
        return sum(1 for one in self.findings if one.kind == kind)

    def wrong(self, kind: str, told: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(kind, told))


def verdict(
    journal: Journal, sight: Sight, poisoned: Set[tuple[str, str]] = frozenset()
) -> Verdict:
    """The whole judgement; findings `owed` mean that it is not over yet. `poisoned`: topic and key
    of records that must be dead letters, and that alone."""
    found = Verdict(unsettled=len(sight.all_parked()))
    _owed(found, sight)
    for difference in sight.judgement.differences:
        found.wrong("diverged", str(difference))
    for lost in sight.overwritten:
        found.wrong("lost", f"the shop's {lost['kind']} {lost['id']} {lost['field']}: {lost}")
    _letters(found, sight, poisoned)
    deleted = journal.subjects("deleted")
    for (subject, name), entries in journal.fields().items():
        if subject in deleted and name != "deleted":
            found.fates["moot"] += len(entries)
        elif name in PLAIN.get(subject[0], ()):
            _plain(found, sight, subject, name, entries)
        elif name == "category":
            _merged(found, sight, subject, entries)
    _deleted(found, sight, deleted)
    _stock(found, journal, sight, deleted)
    _created(found, journal, sight)
    _orders(found, journal, sight)
    return found


def _owed(found: Verdict, sight: Sight) -> None:
    if sight.away:
        found.wrong("owed", f"not ready: {', '.join(sight.away)}")
    for queue, waiting in sorted(sight.behind.items()):
        found.wrong("owed", f"{waiting} messages of {queue}")
    if sight.records.waiting:
        found.wrong("owed", f"{sight.records.waiting} writes are out")
    for entity in sight.entities:
        for key in entity.get("effects", {}):
            if not sight.parked(key):
                found.wrong("owed", f"message {key}")


def _letters(found: Verdict, sight: Sight, poisoned: Set[tuple[str, str]]) -> None:
    parked = Counter((letter["topic"], letter["key"]) for letter in sight.letters)
    for place in sorted(poisoned):
        if not parked[place]:
            found.wrong("owed", f"a dead letter for {place[1]} of {place[0]}")
        elif parked[place] > 1:
            found.wrong("duplicate", f"{parked[place]} dead letters for {place[1]} of {place[0]}")
    for letter in sight.letters:
        if (letter["topic"], letter["key"]) not in poisoned:
            found.wrong("dead", f"{letter['topic']} {letter['key']}: {letter['reason']}")


# Fields


def _entity(sight: Sight, subject: Subject) -> Mapping[str, Any] | None:
    """The engine's record of it."""
    kind, name = subject
    by = {"product": "sku", "order": "note", "customer": "email", "message": "body"}[kind]
    for entity in sight.entities:
        if entity["type"] == kind and value_of(entity, by) == name:
            return entity
    return None


def value_of(entity: Mapping[str, Any], name: str) -> Any:
    """The agreed value."""
    stamped = entity.get("fields", {}).get(name)
    return stamped[0] if stamped else None


def _plain(found: Verdict, sight: Sight, subject: Subject, name: str, entries: list[Entry]) -> None:
    """One value stands. Each platform's last edit is it, or was heard of and lost to it by name;
    its earlier edits were replaced by whoever made the last."""
    entity = _entity(sight, subject)
    if entity is None:
        found.wrong("lost", f"{subject}: the engine has no such item")
        return
    last = {one.place: one for one in entries}
    found.fates["superseded"] += len(entries) - len(last)
    if name in entity.get("conflicts", {}):
        for one in last.values():
            _superseded(found, sight, one, "contested")
        return
    value, _, source = entity["fields"].get(name) or (None, 0, "")
    winner = next((e for e in last.values() if spelled(e.value) == spelled(value)), None)
    told = f"{subject} {name}: {value!r} of {source} stands"
    if winner is None:
        older = any(spelled(e.value) == spelled(value) for e in entries)
        why = "an older edit of a place that made a newer one" if older else "nobody's edit"
        found.wrong("lost", f"{told}, {why}; last were {_told(last)}")
        return
    if _AGREES.get(winner.place, winner.place) != source:
        found.wrong("lost", f"{told}, but it is {winner.place}'s")
    found.fates["current"] += 1
    for one in last.values():
        if one is not winner:
            _superseded(found, sight, one, "superseded")
            later = one.sent_ms - winner.accepted_ms > _MUCH_LATER_MS
            found.fates["older won"] += later


def _superseded(found: Verdict, sight: Sight, one: Entry, fate: str) -> None:
    if spelled(one.value) in sight.heard:
        found.fates[fate] += 1
        return
    found.wrong("lost", f"{one.subject} {one.field}: {one.place}'s {one.value!r} was never heard")


def _told(last: Mapping[str, Entry]) -> str:
    return ", ".join(f"{place} {one.value!r}" for place, one in last.items())


def _merged(found: Verdict, sight: Sight, subject: Subject, entries: list[Entry]) -> None:
    """Whatever anybody added is there, with the engine and in MongoDB (the shop's own list is not
    written)."""
    wanted = {one.value for one in entries}
    entity = _entity(sight, subject)
    agreed = set(value_of(entity, "categories") or ()) if entity else set()
    stored = [
        row.get("categories") or ()
        for row in sight.documents["products"]
        if row.get("sku") == subject[1]
    ]
    held = set(stored[0]) if stored else set()
    for place, names in (("engine", agreed), ("mongodb", held)):
        missing, more = sorted(wanted - names), sorted(names - wanted)
        if missing:
            found.wrong("lost", f"{subject} categories: {place} has not {missing}")
        if more:
            found.wrong("diverged", f"{subject} categories: {place} has nobody's {more}")
    found.fates["merged"] += len(entries)


# Items


def _deleted(found: Verdict, sight: Sight, deleted: set[Subject]) -> None:
    held = sight.records.holding.items
    for subject in sorted(deleted):
        if (subject, EXISTENCE) in sight.records.contested:
            found.fates["contested"] += 1  # somebody had changed it meanwhile: a person decides
            continue
        if ("product", subject[1]) in held:
            found.wrong("lost", f"{subject} was deleted and is there")
        if subject[1] in sight.catalogue:
            found.wrong("lost", f"{subject} was deleted and is in WhatsApp's catalogue")


def _stock(found: Verdict, journal: Journal, sight: Sight, deleted: set[Subject]) -> None:
    """At the beginning, plus every change that anybody made: not one more, not one less."""
    moved: Counter[str] = Counter()
    for (subject, name), entries in journal.fields().items():
        if name == "stock":
            moved[subject[1]] += sum(one.value for one in entries)
    skus = {item["id"]: text(item.get("sku")) for item in sight.shop["products"]}
    for edit in sight.edits:
        before, after = edit["from"], edit["to"]
        if edit["field"] == "stock_quantity" and isinstance(before, int):
            moved[skus.get(edit["id"], "")] += after - before
    for (kind, sku), fields in sight.records.holding.items.items():
        if kind == "inventory" and ("product", sku) not in deleted:
            wanted = START + moved[sku]
            if fields["quantity"] != wanted:
                told = f"{sku}: {fields['quantity']} instead of {wanted}"
                found.wrong("stock", f"{told} ({START} and {moved[sku]:+d})")
            found.fates["current"] += 1


def _created(found: Verdict, journal: Journal, sight: Sight) -> None:
    """What was made somewhere is everywhere it belongs, once."""
    rows, shop = sight.documents, sight.shop
    places: dict[str, tuple[tuple[str, Counter[str]], ...]] = {
        "product": (
            ("mongodb", Counter(text(row.get("sku")) for row in rows["products"])),
            ("woocommerce", Counter(item["sku"] for item in _untrashed(shop["products"]))),
        ),
        "order": (
            ("mongodb", Counter(text(row.get("note")) for row in rows["orders"])),
            ("woocommerce", Counter(o["customer_note"] for o in _untrashed(shop["orders"]))),
        ),
        "customer": (
            ("mongodb", Counter(text(row.get("email")) for row in rows["customers"])),
            ("woocommerce", Counter(person["email"] for person in shop["customers"])),
        ),
        "message": (("mongodb", Counter(text(row.get("body")) for row in rows["messages"])),),
    }
    for kind, name in sorted(journal.subjects("created")):
        for place, there in places[kind]:
            if there[name] > 1:
                found.wrong("duplicate", f"{kind} {name} is {there[name]} times in {place}")
            elif not there[name]:
                found.wrong("lost", f"{kind} {name} is not in {place}")
        found.fates["current"] += 1
    _people(found, journal, sight)


def _untrashed(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (item for item in items if item.get("status") != "trash")


def _people(found: Verdict, journal: Journal, sight: Sight) -> None:
    """Customers are the same in MongoDB, in the shop and with the engine."""
    stored = {row.get("email"): row for row in sight.documents["customers"]}
    shown = {person["email"]: person for person in sight.shop["customers"]}
    for subject in sorted(journal.subjects("created")):
        if subject[0] != "customer":
            continue
        entity, row, person = (
            _entity(sight, subject), stored.get(subject[1]), shown.get(subject[1])
        )  # fmt: skip
        if entity is None or row is None or person is None:
            continue
        name = f"{person['first_name']} {person['last_name']}".strip()
        told = {
            "name": (value_of(entity, "name"), row.get("name"), name),
            "phone": (value_of(entity, "phone"), row.get("phone"), person["billing"]["phone"]),
        }
        for field_name, values in told.items():
            if len(set(values)) > 1 and field_name not in entity.get("conflicts", {}):
                found.wrong("diverged", f"{subject} {field_name}: engine, mongodb, shop {values}")


# Orders and messages


def _orders(found: Verdict, journal: Journal, sight: Sight) -> None:
    """An order stands at the furthest status anybody gave it, and its customer was told, once."""
    sent = Counter(row["biz_opaque_callback_data"] for row in sight.messages)
    for key, times in sorted(sent.items()):
        if times > 1:
            found.wrong("duplicate", f"message {key} was sent {times} times")
    for subject in sorted(journal.subjects("created")):
        if subject[0] != "order":
            continue
        steps = [*journal.edits(subject, "created"), *journal.edits(subject, "status")]
        wanted = max((str(one.value) for one in steps), key=RANK.__getitem__)
        found.fates["superseded"] += len(steps) - 1
        entity = _entity(sight, subject)
        if entity is None:
            continue  # told by `_created`
        status = value_of(entity, "status")
        if status != wanted:
            found.wrong("lost", f"{subject} is {status}, not {wanted}")
        key = f"{entity['organization_id']}:order_status:{entity['entity_id']}:{wanted}"
        if wanted in ANNOUNCED and not sent[key] and not sight.parked(key):
            found.wrong("lost", f"message {key} was not sent")
