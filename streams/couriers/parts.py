"""What works on shipments, put together: one of each a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.clock import unix_ms
from streams.couriers.cod import Cash
from streams.couriers.following import Following
from streams.couriers.lines import CourierLines
from streams.couriers.paces import Paces
from streams.couriers.shipments import Shipments
from streams.couriers.shipping import Shipper
from streams.database import Database
from streams.directory import Directory
from streams.effects.calls import Calls
from streams.effects.ledger import Ledger
from streams.kafka.records import Publishes
from streams.links import Links


@dataclass(frozen=True)
class CourierParts:
    """See the modules."""

    lines: CourierLines
    paces: Paces
    shipments: Shipments
    following: Following
    shipper: Shipper
    cash: Cash

    @classmethod
    def of(
        cls,
        database: Database,
        directory: Directory,
        publisher: Publishes,
        links: Links,
        lines: CourierLines | None = None,
        clock_ms: Callable[[], int] = unix_ms,
        calls: Calls | None = None,
    ) -> CourierParts:
        """`lines` are closed by whoever opened them."""
        lines = lines or CourierLines()
        paces = Paces(database, clock_ms)
        shipments = Shipments(database, clock_ms)
        following = Following(database, publisher, links, clock_ms)
        shipper = Shipper(
            shipments=shipments,
            following=following,
            ledger=Ledger(database, calls),
            directory=directory,
            lines=lines,
            paces=paces,
            clock_ms=clock_ms,
        )
        return cls(lines, paces, shipments, following, shipper, Cash(database, clock_ms))
