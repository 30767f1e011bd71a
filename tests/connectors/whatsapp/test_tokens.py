"""When the access token ends, asked of a sandbox; and that no secret is told on the way."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from connectors.errors import ConnectorError, Malformed, Paused, Refused, Retry, Unknown
from connectors.http import call, open_http
from connectors.whatsapp.tokens import end_of
from tests.connectors.whatsapp.conftest import NUMBER, Bench

END_S = 1_796_299_200
META = "https://graph.facebook.com/v25.0"
# Of developers.facebook.com/docs/facebook-login/access-tokens/debugging-and-error-handling.
DOCUMENTED = {
    "data": {
        "app_id": "138483919580948",
        "type": "USER",
        "application": "Social Cafe",
        "data_access_expires_at": 1_576_687_825,
        "expires_at": 1_570_820_400,
        "is_valid": True,
        "scopes": ["pages_show_list", "public_profile"],
        "user_id": "10215241773831025",
    }
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1_570_820_400_000),
        ({"expires_at": 0}, 1_576_687_825_000),
        ({"expires_at": 0, "data_access_expires_at": 0}, 0),
        ({"data_access_expires_at": None}, 1_570_820_400_000),
    ],
)
def test_the_first_end_counts_and_zero_is_none(changes: dict[str, Any], expected: int) -> None:
    assert end_of({"data": {**DOCUMENTED["data"], **changes}}) == expected


@pytest.mark.parametrize("told", [{}, {"data": {"is_valid": False, "scopes": []}}])
def test_no_word_is_not_never(told: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        end_of(told)


async def test_a_token_tells_of_itself(bench: Bench) -> None:
    assert await bench.client.token_ends_ms() == 0, "a system user's without an end"
    await bench.control.change_number(NUMBER, token_expires_at=END_S)
    await bench.control.set_clock(freeze=END_S - 1)
    assert await bench.client.token_ends_ms() == 1000 * END_S
    await bench.control.set_clock(freeze=END_S)
    with pytest.raises(Paused):
        await bench.client.token_ends_ms()


async def test_where_it_may_not_the_app_does_at_meta_only(bench: Bench) -> None:
    """The app secret never goes to an address that somebody typed in."""
    await bench.control.change_number(
        NUMBER, token_expires_at=END_S, token_has_role=False, app_secret="0f1e2d3c4b5a6978"
    )
    await bench.control.set_clock(freeze=END_S - 1)
    with pytest.raises(Refused, match="must provide an app access token"):
        await bench.client.token_ends_ms()
    at_meta = bench.open(base_url=META)
    assert await at_meta.token_ends_ms() == 1000 * END_S
    await bench.control.change_number(NUMBER, app_secret="another-one")
    with pytest.raises(ConnectorError) as refused:
        await at_meta.token_ends_ms()
    assert "0f1e2d3c4b5a6978" not in str(refused.value)


@pytest.mark.parametrize(
    "fault", [{"status": 503, "html": True}, {"code": 80007}, {"status": 200, "drop": True}]
)
async def test_no_secret_is_in_an_error_or_a_log(
    bench: Bench, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await bench.control.number_faults(NUMBER, requests=[{**fault, "path": "debug_token"}])
    with pytest.raises((Retry, Unknown, Refused)) as failed:
        await bench.client.token_ends_ms()
    assert await bench.client.token_ends_ms() == 0
    assert "sandbox-token-1" not in f"{failed.value!r}{caplog.text}"


async def test_the_http_library_writes_no_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with open_http("https://example.lk", transport=transport) as client:
        assert (await call(client, "GET", "/", params={"input_token": "EAAG-1"})).status == 200
    assert "EAAG-1" not in caplog.text
