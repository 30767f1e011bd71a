"""UPS: tracking and shipping by its REST APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.couriers import pushes
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.protocol import Context, Courier, Operation, Request, Token, Traits
from connectors.couriers.shipment import Shipment
from connectors.couriers.ups import creating, mapping, wire
from connectors.couriers.ups.settings import FIELDS, Account, account_of
from connectors.errors import Paused
from connectors.http import Reply
from connectors.protocol import Connection


class Ups(Courier[Account]):
    """One token serves everything."""

    code = "ups"
    name = "UPS"
    fields = FIELDS
    key_fields = ("client_id", "client_secret")

    def account(self, connection: Connection) -> Account:
        return account_of(connection)

    def traits(self, account: Account) -> Traits:
        operations: set[Operation] = {"track", "lookup"}
        if account.account_number:
            operations |= {"create", "cancel"}
        return Traits(operations=frozenset(operations), pushes=bool(account.push_key))

    def secrets(self, account: Account) -> tuple[str, ...]:
        return (account.client_id, account.client_secret, account.push_key)

    def token_scope(self, account: Account, operation: Operation) -> str | None:
        if operation == "create" and not account.account_number:
            raise Paused("UPS needs Account number for shipments")
        return "all"

    def token_request(self, account: Account, scope: str) -> Request:
        return wire.token_request(account)

    def token_response(self, account: Account, reply: Reply) -> Token:
        return wire.token_response(reply)

    def track_request(self, account: Account, numbers: Sequence[str], context: Context) -> Request:
        return mapping.track_request(account, numbers[0], context)

    def track_response(
        self, account: Account, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        return mapping.track_response(account, numbers[0], reply)

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
        pushes.check_key(account.push_key, headers, query)

    def parse_push(self, account: Account, body: bytes) -> Tracking:
        """Track Alert's codes are not those of tracking: it is a reason to ask."""
        return Tracking(hints=pushes.numbers_in(pushes.document_of(body)))


COURIER = Ups()
