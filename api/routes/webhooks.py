"""What platforms send us: `POST /api/webhooks/woocommerce/{organizationId}` and
`GET`, `POST /api/webhooks/whatsapp`.

Limit, verify over the raw bytes, hand to something durable, answer; nothing else happens in here.
Bare ASGI in front of FastAPI, because it is the busiest path: 5,500 against 2,300 to 3,700 req/s on
the same machine (docs/adr/0006).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
import structlog
from fastapi import APIRouter
from fastapi_problem.error import Problem
from msgspec.structs import replace
from pymongo.errors import PyMongoError
from starlette.responses import PlainTextResponse

from api.errors import bad_signature, malformed, not_found, unavailable
from api.receive import (
    App,
    Gone,
    Receive,
    Scope,
    Send,
    answer,
    answer_problem,
    headers_of,
    read_body,
)
from api.services import Services
from api.settings import MAX_BODY_BYTES
from api.signing import check_signature
from connectors.errors import Forged
from connectors.protocol import Connection
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.topics import DEADLETTER, INBOUND
from streams import tracing
from streams.deadletter import letter_of
from streams.intake import Unavailable
from streams.kafka import Incoming, Outgoing

log = structlog.get_logger(__name__)

WOOCOMMERCE = "/api/webhooks/woocommerce/"
WHATSAPP = "/api/webhooks/whatsapp"
MOST_NUMBERS = 50
_TAKEN = b'{"received":true}'
_PING = re.compile(rb"webhook_id=[0-9]{1,19}")
_ERROR = re.compile(rb'\s*\{\s*"code"\s*:\s*"(woocommerce_)?rest_')
_TOPIC = re.compile(r"[a-z0-9_]{1,40}\.[A-Za-z0-9_.-]{1,80}")


class _Item(msgspec.Struct):
    """As much of a WooCommerce body as its key needs."""

    id: int | str | None = None
    parent_id: int | str | None = None
    type: str | None = None


class _Told(_Item):
    """The same, or the plugin's `{"topic", "data"}`."""

    topic: str | None = None
    data: _Item | None = None


class _Metadata(msgspec.Struct):
    phone_number_id: str | None = None


class _Value(msgspec.Struct):
    metadata: _Metadata | None = None


class _Change(msgspec.Struct):
    value: _Value | None = None


class _Entry(msgspec.Struct):
    id: str | None = None
    changes: list[_Change] | None = None


class _Batch(msgspec.Struct):
    """As much of a WhatsApp body as names its numbers."""

    entry: list[_Entry] | None = None


_told = msgspec.json.Decoder(_Told, strict=False)
_batch = msgspec.json.Decoder(_Batch, strict=False)


class Webhooks:
    """ASGI middleware: answers the platforms' deliveries, passes everything else on."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith("/api/webhooks/"):
            await self._app(scope, receive, send)
            return
        use: Services = scope["app"].state.services
        method = scope["method"]
        try:
            if path.startswith(WOOCOMMERCE) and method == "POST":
                await _woocommerce(use, path[len(WOOCOMMERCE) :].rstrip("/"), scope, receive)
                await answer(send, 200, _TAKEN)
            elif path.rstrip("/") == WHATSAPP and method == "POST":
                await _whatsapp(use, scope, receive)
                await answer(send, 200, _TAKEN)
            elif path.rstrip("/") == WHATSAPP and method == "GET":
                await answer(send, 200, await _challenge(use, scope), b"text/plain; charset=utf-8")
            else:
                await self._app(scope, receive, send)
        except Problem as problem:
            await answer_problem(send, problem)
        except Gone:
            return
        except (Unavailable, PyMongoError) as error:
            log.warning("a webhook could not be taken", path=path, error=repr(error))
            await answer_problem(send, unavailable("Neither Kafka nor MongoDB could take it."))


router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


@router.post("/woocommerce/{organizationId}")
async def woocommerce(organizationId: str) -> dict[str, bool]:
    """A delivery of a shop: WooCommerce's own (`X-WC-Webhook-Signature`) or the plugin's
    `{"topic", "data"}` (Standard Webhooks). 200 once it cannot be lost; 401 bad signature, 404
    unknown organisation, 413 over 5 MB, 503 when nothing could take it."""
    raise not_found(f"There is no organisation {organizationId}.")  # `Webhooks` answers before


@router.get("/whatsapp", response_class=PlainTextResponse)
async def whatsapp_challenge() -> str:
    """Meta's verification: answers `hub.challenge` for the right `hub.verify_token`, else 403."""
    raise not_found("Call this as Meta does.")  # `Webhooks` answers before


@router.post("/whatsapp")
async def whatsapp() -> dict[str, bool]:
    """Messages and statuses, signed by Meta (`X-Hub-Signature-256`). 200 once they cannot be lost;
    401 bad signature, 413 over 5 MB, 503 when nothing could take them."""
    raise not_found("Call this as Meta does.")  # `Webhooks` answers before


async def _woocommerce(use: Services, organization_id: str, scope: Scope, receive: Receive) -> None:
    """Raises a Problem for everything but a 200."""
    body = await read_body(scope, receive, MAX_BODY_BYTES)
    if not organization_id or not await use.directory.exists(organization_id):
        raise not_found(
            f"There is no organisation {organization_id}.",
            "Use the delivery URL that /integrations shows.",
        )
    headers = headers_of(scope)
    if _PING.fullmatch(body) and "x-wc-webhook-signature" not in headers:
        use.pulse.pinged(organization_id)
        return  # sent unsigned when a webhook is made; anything but 200 refuses the webhook
    connection = await _signer(use, organization_id, headers, body)
    topic, subject = _woocommerce_subject(headers, body)
    await use.intake.accept(
        _delivery(use, connection, f"inbound.woocommerce.{topic}", subject, headers, body)
    )
    by = "plugin" if "webhook-signature" in headers else "native"
    place = f"{organization_id}/{connection.replica}"
    use.pulse.heard(place, by)
    if subject.endswith("/unknown") and _ERROR.match(body):
        use.pulse.refused(place)


async def _signer(
    use: Services, organization_id: str, headers: Mapping[str, str], body: bytes
) -> Connection:
    """The shop whose secret signed this; an organisation may have several. Raises 401, 404."""
    shops = [
        found
        for found in await use.directory.connections(organization_id)
        if found.platform == "woocommerce"
    ]
    if not shops:
        raise not_found(
            f"Organisation {organization_id} has no WooCommerce shop.",
            "Connect the shop at /integrations first.",
        )
    reason = ""
    for shop in shops:
        try:
            check_signature(shop, headers, body, use.clock_ms())
        except Forged as error:
            reason = str(error)
        else:
            return shop
    raise bad_signature(
        f"This delivery is not from the shop: {reason}.",
        "Set the same webhook secret in the shop and at /integrations, of letters and digits.",
    )


def _woocommerce_subject(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """(topic, `type/external id`). What cannot be read keeps its topic and goes on to the inbound
    worker, which parks it: a sender that got 400 would switch its webhook off."""
    topic = headers.get("x-wc-webhook-topic", "")
    item: _Item = _Item()
    try:
        told = _told.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = _Told()
    if not topic and told.topic and told.data is not None:
        topic, item = told.topic, told.data
    else:
        item = told
    if not _TOPIC.fullmatch(topic):
        topic = "unknown.unknown"
    kind = topic.split(".", 1)[0]
    external_id = str(item.id) if item.id not in (None, "") else "unknown"
    if kind == "product" and item.type == "variation" and item.parent_id:
        return topic, f"variation/{item.parent_id}:{external_id}"
    return topic, f"{kind}/{external_id}"


async def _challenge(use: Services, scope: Scope) -> bytes:
    """Meta asks whether this address is ours. Raises 403, 400."""
    query = parse_qs(scope["query_string"].decode("latin-1"))

    def one(name: str) -> str:
        return str(query.get(name, [""])[0])

    known = await use.directory.knows_secret("whatsapp", "verify_token", one("hub.verify_token"))
    if one("hub.mode") != "subscribe" or not known:
        raise Problem(
            "Not subscribed",
            type_="verify-token",
            status=403,
            detail="hub.verify_token is not the one of a connection here.",
            help="Enter one verify token at Meta and at /integrations (WHATSAPP_VERIFY_TOKEN).",
        )
    challenge = one("hub.challenge")
    if not challenge or len(challenge) > 1_000:
        raise malformed("hub.challenge is missing.", "Call this as Meta does.")
    return challenge.encode()


async def _whatsapp(use: Services, scope: Scope, receive: Receive) -> None:
    """One body may hold several numbers' news: each of their connections gets the whole body and
    reads its own part. Raises a Problem for everything but a 200."""
    body = await read_body(scope, receive, MAX_BODY_BYTES)
    headers = headers_of(scope)
    numbers = _numbers(body)
    if len(numbers) > MOST_NUMBERS:
        raise malformed(f"This names {len(numbers)} numbers.", f"At most {MOST_NUMBERS} at once.")
    connections: list[Connection] = []
    strangers: list[str] = []
    for number in numbers:
        found = await _whose(use, number, headers, body)
        if found is None:
            strangers.append(number)
        elif found not in connections:
            connections.append(found)
    for connection in connections:
        _check_meta(use, connection, headers, body)
    if strangers or not connections:
        if not connections:
            await _check_any_meta(use, headers, body)
        reason = (
            f"No connection has the WhatsApp number {', '.join(strangers)}: add it at "
            "/integrations, then retry"
            if strangers
            else "This names no WhatsApp number: it is not a webhook of Meta's as we know them"
        )
        await use.intake.accept(_parked(use, reason, headers, body))
    for connection in connections:
        subject = f"webhook/{connection.settings.get('phone_number_id', '')}"
        await use.intake.accept(
            _delivery(use, connection, "inbound.whatsapp.webhook", subject, headers, body)
        )


async def _whose(
    use: Services, number: str, headers: Mapping[str, str], body: bytes
) -> Connection | None:
    """The connection of a number, or of an account (its own news name no number). Where several
    have typed it in, the one whose secret signed this."""
    for setting in ("phone_number_id", "waba_id"):
        found = await use.directory.find_connections("whatsapp", setting, number)
        for connection in found:
            try:
                check_signature(connection, headers, body, use.clock_ms())
            except Forged:
                continue
            return connection
        if found:
            return found[0]
    return None


def _numbers(body: bytes) -> list[str]:
    """Phone number ids in the body, each once; none for what cannot be read."""
    try:
        batch = _batch.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    found: dict[str, None] = {}
    for entry in batch.entry or ():
        for change in entry.changes or ():
            told = change.value.metadata if change.value else None
            number = (told.phone_number_id if told else None) or entry.id
            if number:
                found[number[:64]] = None
    return list(found)


def _check_meta(
    use: Services, connection: Connection, headers: Mapping[str, str], body: bytes
) -> None:
    try:
        check_signature(connection, headers, body, use.clock_ms())
    except Forged as error:
        raise bad_signature(
            f"This delivery is not from Meta: {error}.",
            "Set the app's secret at /integrations (WHATSAPP_WEBHOOK_SECRET).",
        ) from error


async def _check_any_meta(use: Services, headers: Mapping[str, str], body: bytes) -> None:
    """For a number that nobody has: an app of ours must have signed, or anyone could fill the dead
    letter. Meta would go on for days if such a delivery were refused."""
    seen: list[bytes] = []
    for connection in await use.directory.platform_connections("whatsapp"):
        secret = connection.secrets.get("app_secret", "").encode()
        if any(hmac.compare_digest(secret, other) for other in seen):
            continue
        seen.append(secret)
        try:
            check_signature(connection, headers, body, use.clock_ms())
        except Forged:
            continue
        return
    raise bad_signature(
        "No WhatsApp connection here has the secret that signed this.",
        "Set the app's secret at /integrations (WHATSAPP_WEBHOOK_SECRET).",
    )


def _delivery(
    use: Services,
    connection: Connection,
    kind: str,
    subject: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Outgoing:
    """The record for topic `inbound`."""
    organization_id = connection.organization_id
    envelope = Envelope(
        id=secrets.token_hex(16),
        type=kind,
        source="api",
        organization_id=organization_id,
        subject=subject,
        time_ms=use.clock_ms(),
        traceparent=tracing.here(),
    )
    key = f"{organization_id}/{connection.replica}/{subject}".encode()
    return Outgoing(INBOUND, key, body, envelope.headers())


def _parked(use: Services, reason: str, headers: Mapping[str, str], body: bytes) -> Outgoing:
    """The record for topic `deadletter`; it goes the same safe way as a delivery. A retry brings
    the delivery to topic `inbound` without an organisation: the number then names it."""
    now_ms = use.clock_ms()
    identifier = secrets.token_hex(16)
    envelope = Envelope(
        id=identifier,
        type="inbound.whatsapp.webhook",
        source="api",
        subject="webhook/unknown",
        time_ms=now_ms,
        traceparent=tracing.here(),
    )
    delivery = Incoming(
        INBOUND.name, 0, 0, now_ms, b"/whatsapp/webhook/unknown", body, envelope.headers()
    )
    letter = replace(letter_of(delivery, "", "api", reason, now_ms), id=identifier)
    return Outgoing(DEADLETTER, b"", encode(letter), envelope.headers())
