"""DHL: unified tracking, and MyDHL for Express shipments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.couriers import pushes
from connectors.couriers.dhl import creating, express, mapping
from connectors.couriers.dhl.settings import FIELDS, Account, account_of
from connectors.couriers.model import Creation, Tracking
from connectors.couriers.protocol import Context, Courier, Operation, Pace, Request, Traits
from connectors.couriers.shipment import Shipment
from connectors.errors import Paused
from connectors.http import Reply
from connectors.protocol import Connection

UNIFIED_PACE = Pace(per_s=1.0, per_day=250)
MYDHL_BATCH = 50
"""DHL takes 200; a query of that many numbers is long for the proxies on the way."""


class Dhl(Courier[Account]):
    """No shipment can be cancelled: DHL only cancels pick-ups."""

    code = "dhl"
    name = "DHL"
    fields = FIELDS
    key_fields = ("api_key", "password")

    def account(self, connection: Connection) -> Account:
        return account_of(connection)

    def traits(self, account: Account) -> Traits:
        operations: set[Operation] = {"track"}
        if account.ships:
            operations |= {"create", "lookup"}
        return Traits(
            operations=frozenset(operations),
            track_batch=1 if account.unified else MYDHL_BATCH,
            pushes=bool(account.push_key),
            pace=UNIFIED_PACE if account.unified else Pace(),
        )

    def secrets(self, account: Account) -> tuple[str, ...]:
        return (account.api_key, account.password, account.push_key)

    def track_request(self, account: Account, numbers: Sequence[str], context: Context) -> Request:
        if account.unified:
            return mapping.track_request(account, numbers[0])
        return express.track_request(account, numbers, context)

    def track_response(
        self, account: Account, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        if account.unified:
            return mapping.track_response(account, numbers[0], reply)
        return express.track_response(account, numbers, reply)

    def create_request(
        self, account: Account, shipments: Sequence[Shipment], context: Context
    ) -> Request:
        self._ships(account)
        return creating.create_request(account, shipments[0], context)

    def create_response(
        self, account: Account, shipments: Sequence[Shipment], reply: Reply
    ) -> Creation:
        return creating.create_response(shipments[0], reply)

    def lookup_request(self, account: Account, reference: str, context: Context) -> Request:
        self._ships(account)
        return express.lookup_request(account, reference, context)

    def lookup_response(self, account: Account, reference: str, reply: Reply) -> tuple[str, ...]:
        return express.lookup_response(reply)

    def verify_push(
        self, account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> None:
        pushes.check_key(account.push_key, headers, query)

    def handshake(self, account: Account, body: bytes) -> Mapping[str, str]:
        return mapping.handshake(pushes.document_of(body))

    def parse_push(self, account: Account, body: bytes) -> Tracking:
        return mapping.parse_push(account, pushes.document_of(body))

    def _ships(self, account: Account) -> None:
        if not account.ships:
            raise Paused(
                "DHL needs MyDHL user name, MyDHL password and DHL account number for shipments"
            )


COURIER = Dhl()
