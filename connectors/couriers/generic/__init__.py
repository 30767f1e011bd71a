"""Any courier with an HTTP interface, from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.couriers.generic import asking, mapping, pushing
from connectors.couriers.generic.loading import BadProfile, Mistake, load_profile
from connectors.couriers.generic.profile import LoginAuth, Profile
from connectors.couriers.generic.settings import Account, account_of, fields_of
from connectors.couriers.labels import Label
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.protocol import Context, Courier, Operation, Request, Token, Traits
from connectors.couriers.shipment import Shipment
from connectors.errors import Forged
from connectors.http import Reply
from connectors.protocol import Connection

LOGIN = "login"


class ProfileCourier(Courier[Account]):
    """One courier of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.code = profile.slug
        self.name = profile.display_name
        self.fields = fields_of(profile)
        secrets = [one.name for one in self.fields if one.secret]
        self.key_fields = (secrets[0] if secrets else "", secrets[1] if secrets[1:] else "")

    def account(self, connection: Connection) -> Account:
        return account_of(self.profile, self.fields, connection)

    def traits(self, account: Account) -> Traits:
        given = self.profile.operations
        names: tuple[Operation, ...] = ("create", "track", "label", "cancel")
        return Traits(
            operations=frozenset(name for name in names if getattr(given, name) is not None),
            pushes=self.profile.webhook is not None,
        )

    def secrets(self, account: Account) -> tuple[str, ...]:
        return tuple(account.secrets.values())

    def token_scope(self, account: Account, operation: Operation) -> str | None:
        given = getattr(self.profile.operations, operation, None)
        if given is None or given.auth is not None:
            return None
        return LOGIN if isinstance(self.profile.auth, LoginAuth) else None

    def token_request(self, account: Account, scope: str) -> Request:
        return asking.login_request(self.profile, account, self._login())

    def token_response(self, account: Account, reply: Reply) -> Token:
        return mapping.login_token(self._login(), reply)

    def _login(self) -> LoginAuth:
        if not isinstance(self.profile.auth, LoginAuth):
            raise self._cannot("give tokens")
        return self.profile.auth

    def track_request(self, account: Account, numbers: Sequence[str], context: Context) -> Request:
        track = self.profile.operations.track
        if track is None:
            raise self._cannot("be asked where a shipment is")
        values = {"number": numbers[0]}
        return asking.operation_request(self.profile, account, track, values, context.token)

    def track_response(
        self, account: Account, numbers: Sequence[str], reply: Reply, context: Context
    ) -> Tracking:
        track = self.profile.operations.track
        if track is None:
            raise self._cannot("be asked where a shipment is")
        return mapping.track_response(self.profile, account, track, numbers[0], reply)

    def create_request(
        self, account: Account, shipments: Sequence[Shipment], context: Context
    ) -> Request:
        create = self.profile.operations.create
        if create is None:
            raise self._cannot("create shipments")
        values = asking.shipment_values(shipments[0])
        return asking.operation_request(self.profile, account, create, values, context.token)

    def create_response(
        self, account: Account, shipments: Sequence[Shipment], reply: Reply
    ) -> Creation:
        create = self.profile.operations.create
        if create is None:
            raise self._cannot("create shipments")
        values = asking.shipment_values(shipments[0])
        return mapping.create_response(self.profile, create, values, shipments[0], reply)

    def cancel_request(self, account: Account, created: Created, context: Context) -> Request:
        cancel = self.profile.operations.cancel
        if cancel is None:
            raise self._cannot("cancel a shipment")
        return asking.operation_request(self.profile, account, cancel, _ids(created), context.token)

    def cancel_response(self, account: Account, created: Created, reply: Reply) -> None:
        cancel = self.profile.operations.cancel
        if cancel is None:
            raise self._cannot("cancel a shipment")
        mapping.answer(cancel, reply)

    def label_request(self, account: Account, created: Created, context: Context) -> Request:
        label = self.profile.operations.label
        if label is None:
            raise self._cannot("print a label")
        return asking.operation_request(self.profile, account, label, _ids(created), context.token)

    def label_response(self, account: Account, created: Created, reply: Reply) -> tuple[Label, ...]:
        label = self.profile.operations.label
        if label is None:
            raise self._cannot("print a label")
        return mapping.label_response(label, label.read.label, reply)

    def verify_push(
        self, account: Account, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> None:
        if self.profile.webhook is None:
            raise Forged(f"{self.name} sends nothing by itself")
        pushing.verify(self.profile.webhook, account, headers, query, body)

    def parse_push(self, account: Account, body: bytes) -> Tracking:
        if self.profile.webhook is None:
            raise self._cannot("send news by itself")
        return pushing.parse(self.profile, self.profile.webhook, account, body)

    def push_answer(self) -> tuple[int, str]:
        given = self.profile.webhook
        return (given.answer.status, given.answer.body) if given else (200, "")


def _ids(created: Created) -> dict[str, Any]:
    return {"number": created.number, "reference": created.reference, **created.ids}


__all__ = ["BadProfile", "Mistake", "Profile", "ProfileCourier", "load_profile"]
