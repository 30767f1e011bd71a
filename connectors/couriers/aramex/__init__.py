"""Aramex: the JSON flavour of its ShippingAPI.V2."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.couriers.aramex import creating, mapping
from connectors.couriers.aramex.settings import FIELDS, Account, account_of
from connectors.couriers.labels import Label
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.protocol import Context, Courier, Request, Traits
from connectors.couriers.shipment import Shipment
from connectors.http import Reply
from connectors.protocol import Connection

TRAITS = Traits(
    operations=frozenset(("track", "create", "label", "lookup")),
    # (a) No limit is published; larger answers only get slower.
    track_batch=50,
    create_batch=10,
)


class Aramex(Courier[Account]):
    """No shipment can be cancelled: Aramex only cancels pick-ups."""

    code = "aramex"
    name = "Aramex"
    fields = FIELDS
    key_fields = ("account_pin", "password")

    def account(self, connection: Connection) -> Account:
        return account_of(connection)

    def traits(self, account: Account) -> Traits:
        return TRAITS

    def secrets(self, account: Account) -> tuple[str, ...]:
        return (account.password, account.account_pin)

    def track_request(self, account: Account, numbers: Sequence[str], context: Context) -> Request:
        return mapping.track_request(account, numbers)

    def track_response(
        self, account: Account, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        return mapping.track_response(account, numbers, reply)

    def create_request(
        self, account: Account, shipments: Sequence[Shipment], context: Context
    ) -> Request:
        return creating.create_request(account, shipments)

    def create_response(
        self, account: Account, shipments: Sequence[Shipment], reply: Reply
    ) -> Creation:
        return creating.create_response(account, shipments, reply)

    def lookup_request(self, account: Account, reference: str, context: Context) -> Request:
        return mapping.track_request(account, [reference])

    def lookup_response(self, account: Account, reference: str, reply: Reply) -> tuple[str, ...]:
        return mapping.lookup_response(account, reference, reply)

    def label_request(self, account: Account, created: Created, context: Context) -> Request:
        return creating.label_request(account, created)

    def label_response(self, account: Account, created: Created, reply: Reply) -> tuple[Label, ...]:
        return creating.label_response(reply)


COURIER = Aramex()
