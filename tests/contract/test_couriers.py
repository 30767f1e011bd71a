"""What every courier in the registry must hold to, those of profiles included. A new one brings
samples (`test_courier_samples.py`), no test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.couriers.errors import (
    AuthError,
    CourierError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unavailable,
)
from connectors.couriers.protocol import Context, Operation
from connectors.couriers.registry import UnknownCourier, courier, couriers
from connectors.couriers.status import RANKS, STATUS_TEXT, STATUSES
from connectors.errors import Forged, Paused, Refused, Retry
from connectors.protocol import Connection
from support.couriers import NOW_MS, answering, connection, domestic, reply

PLAIN = Context(NOW_MS, "id-1", "very-secret-token")


def full(code: str) -> Connection:
    """A connection with a value in every field."""
    found = courier(code)
    held = connection(code)
    settings = {one.name: one.default or "x" for one in found.fields if not one.secret}
    settings |= {"base_url": "https://courier.example", "mydhl_base_url": "https://express.example"}
    if code == "ups":
        settings["label_format"] = "GIF"
    if code == "dhl":
        settings["tracking"] = "unified"
    secrets = {one.name: f"very-secret-{one.name}" for one in found.fields if one.secret}
    return replace(held, settings={**settings, "courier": code}, secrets=secrets)


def able(operation: Operation) -> list[str]:
    """The couriers that can do it."""
    return [
        code
        for code in couriers()
        if operation in courier(code).traits(courier(code).account(full(code))).operations
    ]


@pytest.fixture(params=couriers())
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_registry_knows_each_by_its_code(code: str) -> None:
    assert courier(code).code == code
    assert courier(code).name
    with pytest.raises(UnknownCourier):
        courier("../aramex")


def test_what_is_missing_is_named(code: str) -> None:
    found = courier(code)
    with pytest.raises(Paused) as caught:
        found.account(replace(full(code), settings={"courier": code}, secrets={}))
    assert "needs more" in str(caught.value) or "address" in str(caught.value)


def test_secrets_never_print(code: str) -> None:
    found = courier(code)
    held = full(code)
    account = found.account(held)
    assert set(found.secrets(account)) >= {
        value for name, value in held.secrets.items() if "client_id" not in name
    } - {held.secrets.get("webhook_token"), held.secrets.get("webhook_key")}
    texts = f"{account!r} {account} {PLAIN!r} {found!r}"
    if "track" in found.traits(account).operations:
        texts += repr(found.track_request(account, ["N1"], PLAIN))
    if found.token_scope(account, "track"):
        texts += repr(found.token_request(account, "track"))
    error = InvalidRequest([f"no {value}" for value in held.secrets.values()], code="1")
    texts += f"{error.redacted(found.secrets(account))!r}"
    assert "very-secret" not in texts


TOO_FAST = {"detail": "slow down", "errors": [{"code": "X", "message": "slow down"}]}
BROKEN: list[tuple[int, Any, str, type[CourierError]]] = [
    (200, None, "<html>We are back soon</html>", Unavailable),
    (503, None, "<html>503</html>", Unavailable),
    (500, {}, "", Unavailable),
    (502, None, "", Unavailable),
    (200, None, "", Unavailable),
    (401, {}, "", AuthError),
    (403, None, "<html>no</html>", AuthError),
    (429, TOO_FAST, "", RateLimited),
    (429, None, "too fast", RateLimited),
]


@pytest.mark.parametrize(("status", "document", "text", "kind"), BROKEN)
@pytest.mark.parametrize(
    ("operation", "code"),
    [(one, code) for one in ("track", "create") for code in able(one)],
)
def test_what_went_wrong_is_told_apart(
    operation: str, code: str, status: int, document: Any, text: str, kind: type[CourierError]
) -> None:
    found = courier(code)
    account = found.account(full(code))
    answer = answering(status, document, text)
    read: Callable[[], object] = {
        "track": lambda: found.track_response(account, ["N1"], answer, PLAIN),
        "create": lambda: found.create_response(
            account, [domestic(preallocated_number="N1")], answer
        ),
    }[operation]
    with pytest.raises(CourierError) as caught:
        read()
    assert type(caught.value) is kind
    assert caught.value.messages


@pytest.mark.parametrize("code", able("track"))
def test_retry_after_is_kept(code: str) -> None:
    found = courier(code)
    account = found.account(full(code))
    answer = reply({"status": 429, "headers": {"Retry-After": "17"}, "json": {}})
    with pytest.raises(RateLimited) as caught:
        found.track_response(account, ["N1"], answer, PLAIN)
    assert caught.value.retry_after_s == 17


def test_errors_say_whether_trying_again_helps() -> None:
    assert issubclass(AuthError, Paused)
    assert issubclass(RateLimited, Retry)
    assert issubclass(Unavailable, Retry)
    assert issubclass(NotFound, Refused)
    assert issubclass(InvalidRequest, Refused)
    assert not issubclass(InvalidRequest, Paused)


def test_forged_pushes_are_refused(code: str) -> None:
    found = courier(code)
    account = found.account(full(code))
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer x"}):
        with pytest.raises(Forged):
            found.verify_push(account, headers, {}, b"{}")


def test_there_is_one_language() -> None:
    assert set(STATUSES) == set(RANKS) == set(STATUS_TEXT) - {None}
    # As the product's users know it.
    assert STATUS_TEXT["in_transit"] == "In Transit"
