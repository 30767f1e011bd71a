"""Settings of notifications: where they come from, and time by the shop's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from connectors.protocol import Connection
from streams.connections import DEFAULT_ORGANIZATION, ENVIRONMENT
from streams.database import Database
from streams.directory import Directory
from streams.integrations import Invalid
from streams.keyring import Keyring
from streams.platforms import PlatformEnvironment
from streams.whatsapp.notify import (
    Notifications,
    amount,
    micros,
    month_of,
    notifications_of,
    quiet_of,
)


def connection(**settings: str) -> Connection:
    return Connection("c", "org", "whatsapp", "whatsapp", settings)


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def test_the_plain_settings_stay_valid() -> None:
    found = notifications_of(
        connection(
            order_statuses="processing, shipped,shipment:delivered,eaten",
            order_status_template="our_news",
            order_status_parameters="name,number,status",
            language="ta",
        )
    )
    assert list(found.orders) == ["processing", "shipped"]
    assert list(found.shipments) == ["delivered"]
    assert found.telling("order", "shipped").template == "our_news"
    assert found.telling("order", "shipped").values() == ("name", "number", "status")
    assert found.telling("shipment", "delivered").values() == ("number", "status", "tracking")
    assert (found.language, found.wait_s, found.quiet_hours, found.cap) == ("ta", 20, None, None)
    assert found.told() == "processing,shipped,shipment:delivered"


def test_what_is_stored_outdoes_them_and_what_cannot_be_read_does_not() -> None:
    stored = Notifications.model_validate({"orders": {"delivered": {}}}).model_dump_json(
        by_alias=True
    )
    assert notifications_of(connection(order_statuses="shipped", notifications=stored)).told() == (
        "delivered"
    )
    broken = notifications_of(connection(order_statuses="shipped", notifications="{"))
    assert broken.told() == "shipped"


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        ("21:00", "08:00", "2026-11-23T22:30:00+05:30", "2026-11-24T08:00:00+05:30"),
        ("21:00", "08:00", "2026-11-23T06:00:00+05:30", "2026-11-23T08:00:00+05:30"),
        ("21:00", "08:00", "2026-11-23T08:00:00+05:30", ""),
        ("21:00", "08:00", "2026-11-23T20:59:00+05:30", ""),
        ("13:00", "14:00", "2026-11-23T13:00:00+05:30", "2026-11-23T14:00:00+05:30"),
        ("13:00", "13:00", "2026-11-23T13:00:00+05:30", ""),
    ],
)
def test_quiet_hours_by_the_shops_clock(start: str, end: str, now: str, until: str) -> None:
    settings = Notifications.model_validate({"quietHours": {"from": start, "to": end}})
    quiet = quiet_of(settings)
    assert quiet is not None
    assert quiet.until_ms(at_ms(now)) == (at_ms(until) if until else None)


def test_months_and_money() -> None:
    late = at_ms("2026-11-30T19:00:00+00:00")  # already December in Colombo
    assert month_of(late, "Asia/Colombo") == ("2026-12", at_ms("2027-01-01T00:00:00+05:30"))
    assert month_of(late, "UTC")[0] == "2026-11"
    assert [micros(text) for text in ("1.5", "0.000001", "12")] == [1_500_000, 1, 12_000_000]
    assert [amount(value) for value in (1_500_000, 1, 12_000_000, 0)] == [
        "1.5", "0.000001", "12", "0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"shipments": {"shipped": {}}},
        {"orders": {"shipped": {"parameters": ["colour"]}}},
        {"waitS": -1},
        {"prices": {"utility": "-1"}},
        {"prices": {"utility": "1"}, "monthlyCap": "much"},
        {"country": "Sri Lanka"},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Notifications.model_validate(wrong)


@pytest.mark.servers
async def test_a_number_of_the_environment_takes_them_too(fresh: Database) -> None:
    given = PlatformEnvironment(
        WHATSAPP_PHONE_NUMBER_ID="1048",
        WHATSAPP_ACCESS_TOKEN=SecretStr("t"),
        WHATSAPP_ORDER_STATUSES="shipped",
    )
    directory = Directory(fresh, Keyring([bytes(32)]), given)
    place = (DEFAULT_ORGANIZATION, f"{ENVIRONMENT}whatsapp")
    await directory.change(*place, settings={"notifications": "{}", "order_statuses": "delivered"})
    found = await directory.connection(DEFAULT_ORGANIZATION, "whatsapp")
    assert found is not None
    assert (found.settings["order_statuses"], found.settings["phone_number_id"]) == (
        "delivered", "1048",
    )  # fmt: skip
    with pytest.raises(Invalid):
        await directory.change(*place, settings={"phone_number_id": "2"})
    await directory.note_trouble(DEFAULT_ORGANIZATION, "whatsapp", "the token has expired")
    (shown,) = [
        one
        for one in await directory.integrations(DEFAULT_ORGANIZATION)
        if one.replica == "whatsapp"
    ]
    assert shown.trouble == "the token has expired"
