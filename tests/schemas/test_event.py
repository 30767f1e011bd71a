from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from schemas.event import QueuedEvent

BODY = {
    "id": "e1",
    "type": "product",
    "action": "update",
    "data": {"_id": "65f0c0ffee65f0c0ffee65f0", "price": "1950.00"},
    "source": "web",
    "timestamp": "2026-11-22T09:30:00.250Z",
    "organizationId": "org-id",
}


def test_the_users_own_shape() -> None:
    event = QueuedEvent.model_validate(BODY)
    assert event.replica == "mongodb"
    assert event.timestamp == 1795339800250
    assert QueuedEvent.model_validate(event.to_wire()) == event


@pytest.mark.parametrize(
    "timestamp",
    [
        1795339800250,
        1795339800250.0,
        "2026-11-22T15:00:00.250+05:30",
        "2026-11-22t09:30:00.250000000z",
        datetime(2026, 11, 22, 9, 30, 0, 250_000, UTC),
    ],
)
def test_every_form_of_a_moment(timestamp: object) -> None:
    assert QueuedEvent.model_validate({**BODY, "timestamp": timestamp}).timestamp == 1795339800250


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "2026-11-22T09:30:00"},
        {"timestamp": "yesterday"},
        {"timestamp": 1795339800},
        {"timestamp": True},
        {"timestamp": None},
        {"timestamp": "2026-13-22T09:30:00Z"},
        {"timestamp": datetime(2026, 11, 22)},  # noqa: DTZ001
        {"type": "shipment"},
        {"action": "upsert"},
        {"data": ["a"]},
        {"data": None},
        {"id": ""},
        {"id": 7},
        {"source": "Web Site"},
        {"organizationId": "a/b"},
        {"organizationId": ""},
        {"organisationId": "x"},
    ],
)
def test_what_is_wrong_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        QueuedEvent.model_validate({**BODY, **change})
    assert refused.value.errors()[0]["loc"][0] == next(iter(change))
