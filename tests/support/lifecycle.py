"""The life of one SKU on two platforms, with the real `decide`: made on either or on both at once,
edited, sold, deleted; under loss, repeats and delay."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Profile, TypeProfile
from schemas.command import Create, Delete, Read
from schemas.observation import FieldMark, Gone, Mark, Observation, Seen
from schemas.outcome import Outcome, Resync
from streams.sync.context import Context, Timing
from streams.sync.decide import Tick, decide
from streams.sync.record import Record

NAMES = ("mongodb", "woocommerce")
FIELDS = frozenset(("location", "quantity"))


@dataclass
class Item:
    """One item of a shop."""

    external_id: str
    fields: dict[str, Any]
    as_of: int
    mark: Mark | None = None
    gone: bool = False


@dataclass
class Shop:
    """Somebody else's store, with a trash."""

    name: str
    late: bool
    items: list[Item] = field(default_factory=list)

    def live(self) -> list[Item]:
        return [item for item in self.items if not item.gone]

    def make(self, now: int, fields: dict[str, Any], mark: Mark | None = None) -> Item:
        item = Item(f"{self.name}-{len(self.items) + 1}", dict(fields), now // 10, mark)
        self.items.append(item)
        return item

    def find(self, external_id: str) -> Item | None:
        return next((i for i in self.items if i.external_id == external_id), None)

    def obey(self, now: int, command: Any) -> tuple[str, Seen | None, str]:
        """(result, what it holds, reason), as the plugin's route answers."""
        if isinstance(command, Create):
            return self._create(now, command)
        item = self.find(command.external_id)
        if item is None or item.gone:
            taken = item is not None and item.mark is not None
            done = taken and isinstance(command, Delete) and item.mark.op == command.op  # type: ignore[union-attr]
            return ("taken" if done else "missing"), None, ""
        if isinstance(command, Read):
            return "taken", view(item), ""
        last = item.mark.op if item.mark else None
        if last == command.op:
            return "taken", view(item), ""
        held = {name: item.fields.get(name) for name in command.expected}
        if (last is not None and command.op < last) or command.after != last:
            return "refused", view(item), "after"
        if held != command.expected:
            return "refused", view(item), "expected"
        self._apply(now, item, command)
        return "taken", view(item), ""

    def _create(self, now: int, command: Create) -> tuple[str, Seen | None, str]:
        for item in self.live():
            if item.mark is not None and item.mark.op == command.op:
                return "taken", view(item), ""
            return "refused", view(item), "sku"
        for item in self.items:
            if item.mark is not None and item.mark.op >= command.op:
                return "missing", None, "removed"
        item = self.make(now, {})
        self._apply(now, item, command)
        return "taken", view(item), ""

    def _apply(self, now: int, item: Item, command: Any) -> None:
        told = dict(item.mark.fields) if item.mark else {}
        for name, value in getattr(command, "want", {}).items():
            item.fields[name] = value
            total = command.totals.get(name)
            told[name] = FieldMark(op=command.op, value=value, total=total)
        item.mark = Mark(op=command.op, fields=told)
        item.gone = isinstance(command, Delete)
        item.as_of = max(item.as_of, now // 10)


def view(item: Item) -> Seen:
    return Seen(
        external_id=item.external_id,
        fields=dict(item.fields),
        as_of=item.as_of,
        changed_at_ms=item.as_of * 10,
        mark=item.mark,
    )


@dataclass
class Life:
    """One seeded life."""

    seed: int
    type: str = "inventory"
    """`inventory` is sold, a `product` is deleted in the end (stock dies with its product only)."""
    told: bool = False
    """Every notice arrives, in any order, and nobody sweeps: that alone must be enough."""
    now: int = 1_000_000
    sold: int = 0
    network: list[tuple[int, float, str, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.shops = {"mongodb": Shop("mongodb", False), "woocommerce": Shop("woocommerce", True)}
        self.entity = {"organization_id": "o", "type": self.type, "entity_id": "S"}
        self.record = Record(**self.entity)
        profile = TypeProfile(readable=FIELDS, writable=FIELDS, creates=True, deletes=True)
        self.context = Context(
            profiles={name: Profile(name, {self.type: profile}) for name in NAMES},
            writable=frozenset(NAMES),
            epoch=1,
            timing=Timing(overdue_ms=150, longest_ms=300, reading_ms=100),
        )

    def send(self, kind: str, name: str, content: Any, sure: bool = False) -> None:
        sure = sure or (self.told and kind in ("seen", "gone"))
        if not sure and self.dice.random() < 0.2:
            return
        for _ in range(2 if self.dice.random() < 0.25 else 1):
            wait = self.dice.randint(1, 500 if self.dice.random() < 0.15 else 80)
            self.network.append((self.now + wait, self.dice.random(), kind, name, content))

    def notify(self, name: str, item: Item) -> None:
        if item.gone:
            self.send("gone", name, item.external_id)
        else:
            self.send("seen", name, item if self.shops[name].late else view(item))

    def deliver(self) -> None:
        self.network.sort(key=lambda message: message[:2])
        while self.network and self.network[0][0] <= self.now:
            _, _, kind, name, content = self.network.pop(0)
            if kind == "command":
                self._obeyed(name, content)
            elif kind == "outcome":
                self.take(content)
            elif kind == "gone":
                self.take(
                    Gone(
                        **self.entity,
                        id="g",
                        replica=name,
                        external_id=content,
                        received_at_ms=self.now,
                    )
                )
            elif not (isinstance(content, Item) and content.gone):
                seen = view(content) if isinstance(content, Item) else content
                self.take(
                    Observation(
                        **self.entity, id="s", replica=name, seen=seen, received_at_ms=self.now
                    )
                )

    def _obeyed(self, name: str, command: Any) -> None:
        before = {item.external_id: item.as_of for item in self.shops[name].items}
        result, seen, reason = self.shops[name].obey(self.now, command)
        for item in self.shops[name].items:
            if before.get(item.external_id) != item.as_of:
                self.notify(name, item)
        op, ticket = getattr(command, "op", None), getattr(command, "ticket", None)
        self.send(
            "outcome",
            name,
            Outcome(
                **self.entity,
                replica=name,
                op=op,
                ticket=ticket,
                result=result,
                seen=seen,  # type: ignore[arg-type]
                reason=reason,
                at_ms=self.now,
            ),
        )

    def take(self, arrival: Any) -> None:
        decision = decide(self.record, arrival, self.context, self.now)
        self.record = decision.record
        for command in decision.commands:
            self.send("command", command.replica, command)

    def user(self) -> None:
        """Somebody edits, or sells."""
        name = self.dice.choice(NAMES)
        live = self.shops[name].live()
        if not live:
            return
        both = all(
            replica.exists and not replica.flight for replica in self.record.replicas.values()
        ) and len(self.record.replicas) == len(NAMES)
        item = self.dice.choice(live)
        if self.dice.random() < 0.5 or not both or self.type == "product":
            item.fields["location"] = f"v{self.now}"
        else:
            item.fields["quantity"] -= 1
            self.sold += 1
        item.as_of = max(item.as_of + 1, self.now // 10)
        self.notify(name, item)

    def go(self, steps: int, users: bool) -> None:
        for step in range(steps):
            self.now += self.dice.randint(5, 30)
            if users and self.dice.random() < 0.25:
                self.user()
            self.deliver()
            self.take(Tick())
            if step % 12 == 0 and not self.told:
                self.sweep()

    def sweep(self) -> None:
        """What a sweep finds: known items are read, unknown ones are pushed."""
        self.take(Resync(**self.entity, id="f", at_ms=self.now))
        for name, shop in self.shops.items():
            known = self.record.replicas.get(name)
            for item in shop.live():
                if known is None or known.external_id != item.external_id:
                    self.send("seen", name, view(item), sure=True)

    def live(self) -> set[str]:
        """How it went wrong, if it did."""
        first = self.dice.choice(NAMES)
        for name in NAMES if self.dice.random() < 0.5 else (first,):
            self.notify(name, self.shops[name].make(self.now, {"location": "a", "quantity": 10}))
        self.go(60, True)
        self.go(300 if self.told else 100, False)
        wrong = self._judge()
        if self.type == "inventory":
            return wrong
        for item in self.shops[first].live():
            item.fields["location"] = "last"
            item.as_of += 1
            self.notify(first, item)
            self.now += self.dice.randint(1, 5)
            item.gone, item.as_of = True, item.as_of + 1
            self.notify(first, item)
        self.go(450 if self.told else 150, False)
        if any(shop.live() for shop in self.shops.values()):
            wrong.add("resurrected")
        return wrong

    def _judge(self) -> set[str]:
        lives = [shop.live() for shop in self.shops.values()]
        if any(len(live) > 1 for live in lives):
            return {"twins"}
        if any(not live for live in lives):
            return {"missing"}
        one, other = (live[0].fields for live in lives)
        wrong = set()
        if one != other:
            wrong.add("differ")
        if one["quantity"] != 10 - self.sold:
            wrong.add("stock")
        return wrong
