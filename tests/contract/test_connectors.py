"""What every connector in the registry must hold to. A new one brings a `Case`, no test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.errors import Forged, Malformed, Retry
from connectors.protocol import Answer, Connection, Connector, Parsed
from connectors.registry import UnknownPlatform, connector, platforms
from schemas.command import Perform, Write
from schemas.fields import ENTITY_TYPES

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOW_MS = 1_784_522_405_000
SECRETS = {
    name: f"very-secret-{name}"
    for name in (
        "consumer_key", "consumer_secret", "webhook_secret", "access_token", "app_secret",
        "verify_token",
    )
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """How one platform's deliveries look."""

    settings: Mapping[str, str]
    signature: str
    """Header of its signature; empty where it has no webhooks."""
    bodies: tuple[tuple[str, str], ...]
    """(topic, fixture)"""
    unlisted: tuple[str, bytes, str] | None = None
    """(topic, body, type) with a status that the platform does not list."""
    extra: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "mongodb": Case({}, "", ()),
    "courier": Case({"courier": "ups", "account_number": "A1"}, "", (("tracked", "known"),), (
        "tracked",
        b'{"number": "1Z1", "asOf": 5, "fields": {"status": "teleported"}}',
        "shipment",
    )),
    "woocommerce": Case(
        {"site_url": "https://shop.example.com", "currency": "LKR"},
        "x-wc-webhook-signature",
        (
            ("product.updated", "product_simple"),
            ("product.updated", "product_variable"),
            ("product.updated", "product_updated_variation_body"),
            ("product.updated", "product_draft_empty_prices"),
            ("product.deleted", "product_deleted"),
            ("order.created", "order_created_cod"),
            ("order.updated", "order_updated_partially_refunded"),
            ("customer.created", "customer_created"),
        ),
        ("order.updated", b'{"id": 7, "status": "wc-somewhere", "total": "10.00"}', "order"),
    ),
    "whatsapp": Case(
        {
            "phone_number_id": "104857392017364",
            "waba_id": "217530984412087",
            "catalog_id": "1083364729915520",
        },
        "x-hub-signature-256",
        tuple(
            ("webhook", one.stem) for one in sorted((FIXTURES / "whatsapp").glob("webhook_*.json"))
        ),
        (
            "webhook",
            json.dumps(
                {"entry": [{"id": "217530984412087", "changes": [{"field": "messages", "value": {
                    "metadata": {"phone_number_id": "104857392017364"},
                    "statuses": [{"id": "wamid.1", "status": "teleported", "timestamp": "1"}],
                }}]}]}
            ).encode(),
            "message",
        ),
    ),
}  # fmt: skip


def connection(platform: str) -> Connection:
    return Connection("c1", "org", platform, platform, CASES[platform].settings, SECRETS)


def signed(platform: str, body: bytes) -> dict[str, str]:
    if platform == "woocommerce":
        digest = hmac.new(SECRETS["webhook_secret"].encode(), body, hashlib.sha256).digest()
        return {"x-wc-webhook-signature": base64.b64encode(digest).decode()}
    digest = hmac.new(SECRETS["app_secret"].encode(), body, hashlib.sha256).digest()
    return {"x-hub-signature-256": f"sha256={digest.hex()}"}


@pytest.fixture(params=platforms())
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(platform: str) -> Connector:
    return connector(platform)


def deliveries(platform: str) -> list[tuple[str, bytes]]:
    return [
        (topic, (FIXTURES / platform / f"{name}.json").read_bytes())
        for topic, name in CASES[platform].bodies
    ]


def parse(found: Connector, platform: str, topic: str, body: bytes) -> Parsed:
    return found.parse(connection(platform), topic, {}, body, NOW_MS)


def test_the_registry_knows_each_by_its_name(found: Connector, platform: str) -> None:
    assert found.platform == platform
    assert connector(platform) is found
    with pytest.raises(UnknownPlatform):
        connector("fax")


def test_forged_deliveries_are_refused(found: Connector, platform: str) -> None:
    header = CASES[platform].signature
    body = b'{"id": 1}'
    if header:
        found.verify(connection(platform), signed(platform, body), body, NOW_MS)
    good = signed(platform, body) if header else {}
    for headers, sent in (
        ({}, body),
        ({**good, header: ""}, body),
        ({**good, header: "sha256=00"}, body),
        (good, body + b"\n"),
        (good, b""),
    ):
        with pytest.raises(Forged):
            found.verify(connection(platform), headers, sent, NOW_MS)
    bare = Connection("c1", "org", platform, platform, CASES[platform].settings, {})
    with pytest.raises(Forged):
        found.verify(bare, good, body, NOW_MS)


def test_the_same_payload_says_the_same(found: Connector, platform: str) -> None:
    for topic, body in deliveries(platform):
        first = parse(found, platform, topic, body)
        later = found.parse(connection(platform), topic, {}, body, NOW_MS + 86_400_000)
        assert first == later
        assert first.sightings


def test_only_canonical_fields_can_be_edits_or_owed(found: Connector, platform: str) -> None:
    profile = found.profile(connection(platform), {})
    assert profile.platform == platform
    told = {"senderName", "senderId", "context", "editedAt", "revokedAt"}
    more = {"message": told, "order": {"cart"}}
    for entity_type, held in profile.types.items():
        known = set(ENTITY_TYPES[entity_type]) | more.get(entity_type, set())
        assert held.readable | held.writable | held.initial | held.required <= known
        assert held.required <= held.writable | held.initial
        if profile.reads and held.writable:
            # What is owed is compared with what was seen.
            assert held.writable <= held.readable
    for topic, body in deliveries(platform):
        for one in parse(found, platform, topic, body).sightings:
            assert one.type in profile.types


def test_an_unlisted_status_stays_unknown(found: Connector, platform: str) -> None:
    case = CASES[platform].unlisted
    if case is None:
        pytest.skip("it has no statuses of its own")
    topic, body, entity_type = case
    for one in parse(found, platform, topic, body).sightings:
        if one.type == entity_type and one.seen is not None:
            assert one.seen.fields.get("status") is None


@pytest.mark.parametrize("body", [b"", b"<html>503</html>", b"\xff\xfe", b"[]", b"null", b'"x"'])
def test_what_is_no_delivery_is_malformed(found: Connector, platform: str, body: bytes) -> None:
    topic = CASES[platform].bodies[0][0] if CASES[platform].bodies else "products.insert"
    with pytest.raises(Malformed):
        parse(found, platform, topic, body)


def test_secrets_never_print(found: Connector, platform: str) -> None:
    held = connection(platform)
    if not CASES[platform].signature:
        pytest.skip("its address is not its own")
    client = found.client(held)
    assert "very-secret" not in f"{held!r} {held} {client!r} {vars(client)!r}"


class Nobody:
    async def external_id(self, *_: str) -> str | None:
        return None


@dataclass
class Broken(httpx.AsyncBaseTransport):
    """A platform that answers like this, or not at all."""

    status: int = 0
    error: type[httpx.HTTPError] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.error is not None:
            raise self.error("very-secret-detail")
        return httpx.Response(self.status, text="<html>proxy</html>")


BROKEN = [
    Broken(error=httpx.ConnectError),
    Broken(error=httpx.ReadTimeout),
    Broken(error=httpx.RemoteProtocolError),
    Broken(500),
    Broken(502),
    Broken(503),
    Broken(200),
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.parametrize("platform", ["woocommerce", "whatsapp"])
async def test_no_answer_means_retry_for_state(platform: str, broken: Broken) -> None:
    client = type(connector(platform))(transport=broken).client(connection(platform))  # type: ignore[call-arg]
    command = Write(
        organization_id="org", type="inventory", entity_id="e", replica=platform, op=(1, 1),
        external_id="412", want={"quantity": 1}, issued_at_ms=0,
    )  # fmt: skip
    told = ""
    try:
        (answer,) = await client.apply([command], Nobody())
        told = f"{answer.result}: {answer.reason}"
    except Retry as error:
        told = f"retry: {error}"
    assert told.startswith("retry: ")
    assert "very-secret" not in told
    await client.close()


@pytest.mark.parametrize("broken", BROKEN[1:], ids=str)
async def test_no_answer_means_unknown_for_effects(broken: Broken) -> None:
    answer = await _perform(broken)
    assert answer.result == "unknown"
    assert "very-secret" not in answer.reason


async def test_what_was_never_sent_may_be_repeated() -> None:
    assert (await _perform(BROKEN[0])).result == "retry"


async def _perform(broken: Broken) -> Answer:
    client = type(connector("whatsapp"))(transport=broken).client(connection("whatsapp"))  # type: ignore[call-arg]
    command = Perform(
        organization_id="org", type="order", entity_id="1", replica="whatsapp", effect_key="k",
        effect="message", epoch=1, issued_at_ms=0,
        arguments={"to": "+94771234567", "message": {"type": "text", "text": {"body": "Hello"}}},
    )  # fmt: skip
    try:
        return await client.perform(command)
    finally:
        await client.close()
