"""FedEx: Track API and Ship API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.couriers import pushes
from connectors.couriers.fedex import creating, mapping, wire
from connectors.couriers.fedex.settings import FIELDS, Account, account_of
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.protocol import (
    Context,
    Courier,
    Operation,
    Pace,
    Request,
    Token,
    Traits,
)
from connectors.couriers.shipment import Shipment
from connectors.errors import Paused
from connectors.http import Reply
from connectors.protocol import Connection

PACE = Pace(per_s=140.0, per_day=100_000)
"""1,400 requests in ten seconds for a project; the Track API 100,000 a day."""
BATCH = 30


class FedEx(Courier[Account]):
    """Its webhooks need an account billed in the United States: Sri Lankan ones poll."""

    code = "fedex"
    name = "FedEx"
    fields = FIELDS
    key_fields = ("track_client_id", "track_client_secret")

    def account(self, connection: Connection) -> Account:
        return account_of(connection)

    def traits(self, account: Account) -> Traits:
        operations: set[Operation] = {"track"}
        if account.ships:
            operations |= {"create", "cancel", "lookup"}
        return Traits(
            operations=frozenset(operations),
            track_batch=BATCH,
            pushes=bool(account.push_secret),
            pace=PACE,
        )

    def secrets(self, account: Account) -> tuple[str, ...]:
        return (*account.track, *account.ship, account.push_secret)

    def token_scope(self, account: Account, operation: Operation) -> str | None:
        if operation in ("track", "lookup"):
            return "track"
        if not account.ships:
            raise Paused(
                "FedEx needs Shipping API key, Shipping secret key and Account number for shipments"
            )
        # One token for one pair of keys.
        return "track" if account.ship == account.track else "ship"

    def token_request(self, account: Account, scope: str) -> Request:
        return wire.token_request(account, scope)

    def token_response(self, account: Account, reply: Reply) -> Token:
        return wire.token_response(reply)

    def track_request(self, account: Account, numbers: Sequence[str], context: Context) -> Request:
        return mapping.track_request(account, numbers, context)

    def track_response(
        self, account: Account, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        return mapping.track_response(account, numbers, reply, context)

    def create_request(
        self, account: Account, shipments: Sequence[Shipment], context: Context
    ) -> Request:
        return creating.create_request(account, shipments[0], context)

    def create_response(
        self, account: Account, shipments: Sequence[Shipment], reply: Reply
    ) -> Creation:
        return creating.create_response(shipments[0], reply)

    def lookup_request(self, account: Account, reference: str, context: Context) -> Request:
        return mapping.lookup_request(account, reference, context)

    def lookup_response(self, account: Account, reference: str, reply: Reply) -> tuple[str, ...]:
        return mapping.lookup_response(reply)

    def cancel_request(self, account: Account, created: Created, context: Context) -> Request:
        return creating.cancel_request(account, created.number, context)

    def cancel_response(self, account: Account, created: Created, reply: Reply) -> None:
        creating.cancel_response(created.number, reply)

    def verify_push(
        self, account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> None:
        pushes.check_signature(account.push_secret, headers.get("fdx-signature", ""), body)

    def parse_push(self, account: Account, body: bytes) -> Tracking:
        """Its form is told to its customers only: it is a reason to ask."""
        return Tracking(hints=pushes.numbers_in(pushes.document_of(body)))


COURIER = FedEx()
