"""Who is told: addresses are checked when they are given, not when something is wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streams.alerts.settings import AlertEnvironment, AlertSettings


def test_addresses_are_made_even() -> None:
    found = AlertSettings.model_validate(
        {"emails": [" a@example.lk ", "a@example.lk"], "whatsapp": ["077 123 4567", "+94771234567"]}
    )
    assert (found.emails, found.whatsapp) == (("a@example.lk",), ("+94771234567",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("emails", ["nobody"]),
        ("emails", ["a@example.lk\r\nBcc: b@example.lk"]),
        ("emails", [f"a{place}@example.lk" for place in range(11)]),
        ("webhookUrl", "ftp://example.lk/x"),
        ("webhookUrl", "https://user:pass@example.lk/x"),
        ("whatsapp", ["12"]),
        ("off", ["rain"]),
        ("language", "fr"),
        ("more", 1),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        AlertSettings.model_validate({name: value})


def test_the_operators_typing_error_is_told_at_the_start_without_the_password() -> None:
    given = {"SMARTSTORE_ALERT_EMAILS": "ops@example.lk, me", "SMARTSTORE_SMTP_PASSWORD": "pa55"}
    with pytest.raises(ValidationError, match="'me' is no e-mail address") as told:
        AlertEnvironment.model_validate(given)
    assert "pa55" not in str(told.value)
    fine = AlertEnvironment.model_validate({**given, "SMARTSTORE_ALERT_EMAILS": "ops@example.lk"})
    assert fine.operator.emails == ("ops@example.lk",)
    assert "pa55" not in repr(fine)
