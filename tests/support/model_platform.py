"""A model of somebody else's store, and what is tried on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.command import Write
from schemas.observation import FieldMark, Mark, Seen

PLAIN = ("location", "backorders")
STOCK = "quantity"
NAMES = ("mongodb", "woocommerce", "whatsapp")
START = {"location": "a", "backorders": "b", STOCK: 50}


@dataclass(frozen=True)
class Faults:
    """What is tried."""

    zombies: bool = False
    rollback: bool = False
    edits: bool = False
    manual: bool = False
    normalises: bool = False
    skew: int = 0
    erases: bool = False
    """The app replaces documents, which erases our mark."""
    plain: bool = False
    """WooCommerce without the plugin: read, compare, write at once."""


@dataclass
class Platform:
    """Somebody else's store."""

    name: str
    resolution: int
    late: bool
    faults: Faults
    skew: int = 0
    fields: dict[str, Any] = field(default_factory=lambda: dict(START))
    modified: int = 0
    mark: Mark | None = None
    made: dict[str, list[Any]] = field(default_factory=lambda: {f: [START[f]] for f in PLAIN})
    lost: int = 0

    def normal(self, name: str, value: Any) -> Any:
        if self.faults.normalises and name == "location" and self.name == "woocommerce":
            return f"<p>{value.removeprefix('<p>').removesuffix('</p>')}</p>"
        return value

    def touch(self, now: int) -> None:
        self.modified = max(self.modified, (now + self.skew) // self.resolution)

    def edit(self, now: int, name: str, value: Any) -> None:
        if name == STOCK:
            self.fields[name] += value
        else:
            self.fields[name] = self.normal(name, value)
            self.made[name].append(self.fields[name])
        self.touch(now)

    def seen(self) -> Seen:
        return Seen(
            external_id=f"{self.name}-1",
            fields=dict(self.fields),
            as_of=self.modified,
            changed_at_ms=self.modified * self.resolution,
            mark=self.mark,
        )

    def write(self, now: int, command: Write) -> tuple[str, Seen]:
        last = self.mark.op if self.mark else None
        if last == command.op:
            return "taken", self.seen()
        if last is not None and command.op < last:
            return "refused", self.seen()
        if command.after != last:
            return "refused", self.seen()
        if any(self.fields[name] != command.expected[name] for name in command.want):
            return "refused", self.seen()
        told = dict(self.mark.fields) if self.mark else {}
        for name, value in command.want.items():
            self.fields[name] = value if name == STOCK else self.normal(name, value)
            told[name] = FieldMark(
                op=command.op,
                value=self.fields[name],
                wanted=value,
                total=command.totals.get(name),
            )
        self.mark = Mark(op=command.op, fields=told)
        self.touch(now)
        return "taken", self.seen()
