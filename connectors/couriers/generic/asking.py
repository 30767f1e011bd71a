"""A profile's requests: templates, authentication, encoding. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from connectors.couriers.generic.profile import (
    Asking,
    BasicAuth,
    BearerAuth,
    FieldsAuth,
    HeaderAuth,
    LoginAuth,
    Operation,
    Profile,
    QueryAuth,
)
from connectors.couriers.generic.settings import Account
from connectors.couriers.generic.templates import as_text, ascii_only, filled
from connectors.couriers.protocol import Request
from connectors.couriers.shipment import Party, Shipment

Values = dict[str, Any]


def account_values(account: Account, token: str = "") -> Values:
    """What every request may name."""
    return {"secret": account.secrets, "setting": account.settings, "token": token}


def shipment_values(shipment: Shipment) -> Values:
    """What a creation may name."""
    first = shipment.parcels[0]
    return {
        "reference": shipment.reference,
        "preallocated_number": shipment.preallocated_number or None,
        "sender": _party(shipment.sender),
        "receiver": _party(shipment.receiver),
        "parcel": {
            "weight_kg": shipment.weight_kg,
            "weight_g": _whole(shipment.weight_kg * 1000),
            "pieces": len(shipment.parcels),
            "description": shipment.description,
            "note": shipment.note,
            "length_cm": first.length_cm,
            "width_cm": first.width_cm,
            "height_cm": first.height_cm,
        },
        "cod": _amount(shipment.cod.amount, shipment.cod.currency) if shipment.cod else {},
        "customs": (
            {"value": shipment.declared.amount, "currency": shipment.declared.currency}
            if shipment.declared
            else {}
        ),
        "service": shipment.service,
        "lookup": shipment.lookup,
    }


def _amount(amount: Decimal, currency: str) -> Values:
    return {"amount": amount, "currency": currency}


def _whole(number: Decimal) -> Decimal:
    """Rounded up: a courier weighs again, and lighter than told costs nothing."""
    return number.to_integral_value(rounding="ROUND_CEILING")


def _party(party: Party) -> Values:
    return {
        "name": party.name,
        "company": party.company,
        "line1": party.line1,
        "line2": party.line2,
        "address": party.address,
        "city": party.city,
        "state": party.state,
        "postcode": party.postcode,
        "country": party.country,
        "phone": party.phone,
        "phone2": party.phone2,
        "email": party.email,
    }


def operation_request(
    profile: Profile, account: Account, operation: Operation, values: Values, token: str
) -> Request:
    """Raises InvalidRequest for a value that is missing or does not fit."""
    auth = operation.auth or profile.auth
    return _request(profile, account, operation, {**account_values(account, token), **values}, auth)


def login_request(profile: Profile, account: Account, login: LoginAuth) -> Request:
    """Asks for the token."""
    return _request(profile, account, login.request, account_values(account), None)


def _request(
    profile: Profile, account: Account, asking: Asking, values: Values, auth: Any
) -> Request:
    if isinstance(auth, LoginAuth):
        auth = auth.send
    path = filled(asking.path, _quoted(values))
    headers = {name: as_text(filled(text, values)) for name, text in profile.headers.items()}
    query: dict[str, str | list[str]] = {
        name: as_text(value) for name, value in filled(asking.query, values).items()
    }
    body = filled(asking.body, values)
    match auth:
        case HeaderAuth():
            headers[auth.name] = as_text(filled(auth.value, values))
        case QueryAuth():
            query[auth.name] = as_text(filled(auth.value, values))
        case BearerAuth():
            headers["Authorization"] = f"Bearer {as_text(filled(auth.token, values))}"
        case BasicAuth():
            pair = f"{filled(auth.username, values)}:{filled(auth.password, values)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        case FieldsAuth():
            body = {**(body or {}), **filled(auth.fields, values)}
    if profile.ascii_only:
        body = ascii_only(body)
    url = f"{account.base_url}{path}"
    if asking.encode == "form":
        form = {name: as_text(value) for name, value in (body or {}).items()}
        return Request(asking.method, url, query, headers, form=form)
    json = body if asking.encode == "json" else None
    return Request(asking.method, url, query, headers, json=json)


def _quoted(values: Mapping[str, Any]) -> Values:
    """For a path: a slash in a number must not make another address."""
    return {
        name: _quoted(value) if isinstance(value, Mapping) else quote(as_text(value), safe="")
        for name, value in values.items()
        if value is not None
    }
