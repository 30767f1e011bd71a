"""What a missing, slow or foolish answer means; tokens; limits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from connectors.couriers.client import CourierClient
from connectors.couriers.errors import AuthError, InvalidRequest, RateLimited, Unavailable
from connectors.couriers.model import Created
from connectors.couriers.registry import courier, couriers
from connectors.errors import Paused, Refused, Retry, Unknown
from support.couriers import domestic
from tests.connectors.couriers.conftest import Bench
from tests.connectors.couriers.test_journeys import TRACKED, opened, order, ship

HTML = {"status": 200, "html": True}


# A creation that nobody knows the end of


@pytest.mark.parametrize("code", couriers())
async def test_a_lost_answer_is_unknown_and_not_repeated(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    if code in ("fedex", "ups", "curfox"):
        await client.probe()
    await bench.control.courier_faults(code, {"drop": True})
    with pytest.raises(Unknown):
        await client.create([order(code)])
    assert len(await bench.control.shipments(code)) == 1


@pytest.mark.parametrize("code", ["aramex", "dhl", "fedex", "ups"])
async def test_a_lost_answer_is_settled_by_looking_it_up(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    await client.probe()
    await bench.control.courier_faults(code, {"drop": True})
    with pytest.raises(Unknown):
        await client.create([order(code, "SO-7")])
    (number,) = await client.lookup("SO-7")
    assert number == (await bench.control.shipments(code))[0]["number"]


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"status": 502}, HTML], ids=str
)
@pytest.mark.parametrize("code", couriers())
async def test_a_broken_answer_to_a_creation_is_unknown(
    bench: Bench, code: str, fault: dict[str, Any]
) -> None:
    client = await opened(bench, code)
    if code in ("fedex", "ups", "curfox"):
        await client.probe()
    await bench.control.courier_faults(code, {**fault, "times": None})
    with pytest.raises(Unknown):
        await client.create([order(code)])


@pytest.mark.parametrize("code", ["fedex", "ups", "curfox"])
async def test_without_a_token_nothing_was_sent(bench: Bench, code: str) -> None:
    """So it may be sent again: no unknown shipment is left behind."""
    client = await bench.open(code)
    await bench.control.courier_faults(code, {"status": 503, "times": None})
    with pytest.raises(Unavailable):
        await client.create([order(code)])


@pytest.mark.parametrize("code", TRACKED)
async def test_questions_may_be_asked_again(bench: Bench, code: str) -> None:
    client = await opened(bench, code)
    for fault in ({"drop": True}, {"status": 503}, HTML):
        await bench.control.courier_faults(code, dict(fault))
        with pytest.raises(Unavailable) as caught:
            await client.track(["1234567890"])
        assert isinstance(caught.value, Retry)


async def test_what_the_courier_says_it_did_not_do_may_be_repeated(bench: Bench) -> None:
    """FDE's 214: maintenance, in its own words."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"status": "214"}))
    held = bench.connection("fde", "fde")
    client: CourierClient[Any] = CourierClient(courier("fde"), held, transport)
    with pytest.raises(Unavailable):
        await client.create([domestic()])
    await client.close()


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout])
async def test_secrets_are_in_no_error(bench: Bench, error: type[httpx.HTTPError]) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise error("sandbox-password sandbox-key")

    for code in couriers():
        client: CourierClient[Any] = CourierClient(
            courier(code), bench.connection(code, code), httpx.MockTransport(broken)
        )
        with pytest.raises((Unknown, Unavailable)) as caught:
            await client.create([order(code)])
        assert "sandbox-" not in str(caught.value)
        await client.close()


async def test_an_echoed_secret_is_taken_out(bench: Bench) -> None:
    client = await bench.open("aramex")
    echo = {"code": "REQ01", "message": "sandbox-pin is no number", "times": None}
    await bench.control.courier_faults("aramex", echo)
    answer = await client.track(["50412345671"])
    (error,) = answer.failed
    assert error.messages == ("*** is no number",)


# Tokens


async def token_calls(bench: Bench, code: str) -> int:
    calls = await bench.control.courier_calls(code)
    return sum("token" in call["path"] or "login" in call["path"] for call in calls)


@pytest.mark.parametrize("code", ["fedex", "ups", "curfox"])
async def test_a_token_is_fetched_once_for_all(bench: Bench, code: str) -> None:
    client = await bench.open(code)
    await asyncio.gather(*(client.track([f"10000000000{n}"]) for n in range(5)))
    assert await token_calls(bench, code) == 1


@pytest.mark.parametrize(("code", "lifetime_s"), [("fedex", 3599), ("ups", 14399)])
async def test_a_token_is_renewed_five_minutes_early(
    bench: Bench, code: str, lifetime_s: int
) -> None:
    client = await bench.open(code)
    await bench.control.change_courier(code, token_lifetime_s=lifetime_s)
    await client.probe()
    await bench.control.set_clock(advance_s=lifetime_s - 301)
    await client.probe()
    assert await token_calls(bench, code) == 1
    await bench.control.set_clock(advance_s=2)
    await client.probe()
    assert await token_calls(bench, code) == 2


@pytest.mark.parametrize("code", ["fedex", "ups", "curfox"])
async def test_a_refused_token_is_renewed_once(bench: Bench, code: str) -> None:
    client = await bench.open(code)
    await client.probe()
    await bench.control.expire_tokens(code)
    created = await ship(client)
    assert created.number
    assert len(await bench.control.shipments(code)) == 1
    assert await token_calls(bench, code) == 2


@pytest.mark.parametrize("code", ["fedex", "ups"])
async def test_a_token_refused_twice_is_no_token(bench: Bench, code: str) -> None:
    client = await bench.open(code)
    path = "track" if code == "fedex" else "details"
    fault = {"status": 401, "code": "NOT.AUTHORIZED.ERROR", "message": "no", "path": path}
    await bench.control.courier_faults(code, {**fault, "times": None})
    with pytest.raises(AuthError):
        await client.track(["100000000001"])
    assert await token_calls(bench, code) == 2


@pytest.mark.parametrize("code", ["fedex", "ups"])
async def test_wrong_keys_are_not_tried_again_and_again(bench: Bench, code: str) -> None:
    """FedEx blocks the address of who does."""
    wrong = {"client_secret": "wrong-secret", "track_client_secret": "wrong-secret"}
    await bench.open(code)
    client = bench.client(code, **wrong)
    for _ in range(3):
        with pytest.raises(AuthError):
            await client.track(["100000000001"])
    assert await token_calls(bench, code) == 1


async def test_fedex_has_two_projects(bench: Bench) -> None:
    ship_pair = {"ship_client_id": "ship-client", "ship_client_secret": "ship-client-secret"}
    await bench.control.create_courier("fedex", **ship_pair)
    client = bench.client("fedex", **ship_pair)
    created = await ship(client)
    assert (await client.track([created.number])).found[0].status == "created"
    assert await token_calls(bench, "fedex") == 2


@pytest.mark.parametrize("code", couriers())
async def test_wrong_credentials_are_a_persons_matter(bench: Bench, code: str) -> None:
    names = ("password", "api_key", "api_token", "client_secret", "track_client_secret",
             "ship_client_secret")  # fmt: skip
    await opened(bench, code)
    settings = {"tracking": "mydhl"} if code == "dhl" else {}
    client = bench.client(code, **dict.fromkeys(names, "wrong-secret"), **settings)
    with pytest.raises(AuthError) as caught:
        await client.create([order(code)])
    assert isinstance(caught.value, Paused)
    assert await bench.control.shipments(code) == []


# Limits


async def test_dhl_takes_one_call_a_second(bench: Bench) -> None:
    client = await bench.open("dhl")
    assert client.traits.pace.per_s == 1.0
    await client.track(["1234567891"])
    with pytest.raises(RateLimited):
        await client.track(["1234567891"])
    await bench.control.set_clock(advance_s=1)
    assert (await client.track(["1234567891"])).not_found


async def test_dhl_takes_250_calls_a_day(bench: Bench) -> None:
    """Until 24:00 GMT."""
    client = await bench.open("dhl")
    assert client.traits.pace.per_day == 250
    await bench.control.change_courier("dhl", per_s=0)
    for _ in range(250):
        await client.track(["1234567891"])
    with pytest.raises(RateLimited):
        await client.track(["1234567891"])
    await bench.control.set_clock(freeze="2026-02-05T00:00:00")
    assert (await client.track(["1234567891"])).not_found


async def test_what_was_answered_before_a_limit_is_kept(bench: Bench) -> None:
    client = await bench.open("dhl")
    await bench.control.load_shipment("dhl", "1234567891")
    answer = await client.track(["1234567891", "1234567892", "1234567893"])
    assert [one.number for one in answer.found] == ["1234567891"]
    assert [(type(one), one.number) for one in answer.failed] == [
        (RateLimited, "1234567892"),
        (RateLimited, "1234567893"),
    ]


@pytest.mark.parametrize("code", TRACKED)
async def test_too_fast_is_told_in_every_language(bench: Bench, code: str) -> None:
    """Aramex says it with HTTP 200."""
    client = await opened(bench, code)
    if code in ("fedex", "ups", "curfox"):
        await client.probe()
    fault = {"status": 429, "html": True, "retry_after_s": 30, "times": None}
    await bench.control.courier_faults(code, fault)
    with pytest.raises(RateLimited) as caught:
        await client.track(["1234567891"])
    assert caught.value.retry_after_s == 30


async def test_aramex_refuses_haste_with_http_200(bench: Bench) -> None:
    client = await bench.open("aramex")
    await bench.control.change_courier("aramex", per_s=1)
    await client.track(["50412345671"])
    with pytest.raises(RateLimited):
        await client.track(["50412345671"])


# Addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_a_typed_address_leads_to_no_private_network(bench: Bench, host: str) -> None:
    held = bench.connection("ceylinco", "ceylinco", base_url=f"http://{host}:1")
    client: CourierClient[Any] = CourierClient(courier("ceylinco"), held)
    with pytest.raises(Paused, match="private network"):
        await client.track(["CEY000001"])
    await client.close()


async def test_unless_a_person_says_so(bench: Bench) -> None:
    settings = {"base_url": "http://127.0.0.1:1", "allow_private_addresses": "true"}
    held = bench.connection("ceylinco", "ceylinco", **settings)
    client: CourierClient[Any] = CourierClient(courier("ceylinco"), held)
    with pytest.raises(Unavailable):
        await client.track(["CEY000001"])
    await client.close()


async def test_labels_come_from_the_courier_or_over_tls(bench: Bench) -> None:
    client = await bench.open("aramex")
    for url in ("http://elsewhere.example/label.pdf", "file:///etc/passwd"):
        with pytest.raises(Refused):
            await client.labels(Created("aramex", "1", "SO-1", label_url=url))


async def test_a_batch_over_the_limit_is_a_mistake_of_ours(bench: Bench) -> None:
    client = await opened(bench, "dhl")
    with pytest.raises(ValueError, match="1 at a time"):
        await client.create([order("dhl"), order("dhl", "SO-2")])


@pytest.mark.parametrize("code", ["dhl", "fedex", "ups"])
async def test_cash_is_never_dropped_silently(bench: Bench, code: str) -> None:
    """They collect none at the door: sending the parcel anyway would give the goods away."""
    client = await opened(bench, code)
    with pytest.raises(InvalidRequest, match="choose another courier"):
        await client.create([domestic()])
    assert await bench.control.shipments(code) == []
