"""What couriers send by themselves, by their profile. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from connectors.couriers.generic.asking import account_values
from connectors.couriers.generic.conditions import dig
from connectors.couriers.generic.mapping import event_of
from connectors.couriers.generic.profile import Profile, Webhook
from connectors.couriers.generic.settings import Account
from connectors.couriers.generic.templates import filled
from connectors.couriers.model import Tracking, tracked
from connectors.couriers.reading import text
from connectors.errors import Forged, Malformed, Refused


def verify(
    webhook: Webhook,
    account: Account,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> None:
    """Raises Forged. Header names are lower case."""
    rule = webhook.verify
    if rule.kind == "none":
        return
    try:
        secret = text(filled(rule.secret, account_values(account)))
    except Refused:
        secret = ""
    if not secret:
        raise Forged("the secret of this courier's pushes is not set")
    given = query.get(rule.name, "") if rule.kind == "query_equals" else ""
    if rule.kind in ("header_equals", "hmac_sha256"):
        given = headers.get(rule.name.lower(), "")
    expected = secret
    if rule.kind == "hmac_sha256":
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        expected = digest.hex() if rule.digest == "hex" else base64.b64encode(digest).decode()
        given = given.removeprefix("sha256=")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forged("the push does not prove where it is from")


def parse(profile: Profile, webhook: Webhook, account: Account, body: bytes) -> Tracking:
    """One event of one shipment. Raises Malformed."""
    document = _decoded(webhook, body)
    read = webhook.read
    number = text(dig(document, read.number))
    if not number:
        raise Malformed(f"the push names no shipment at {read.number}")
    paths = [read.status] if isinstance(read.status, str) else read.status
    code = text(dig(document, read.code)) if read.code else ""
    said = [one for path in paths if (one := text(dig(document, path)))]
    at = [read.at] if isinstance(read.at, str) else read.at
    zone_name = webhook.time_zone or account.timezone
    event = event_of(
        profile,
        number,
        " ".join(one for path in at if (one := text(dig(document, path)))),
        (webhook.times, zone_name, webhook.time_zone is None),
        code=code,
        # The words, where one of the places holds only the code again.
        said=next((one for one in said if one != code), code),
        note=text(dig(document, read.note)) if read.note else "",
        location=text(dig(document, read.location)) if read.location else "",
    )
    return Tracking((tracked(profile.slug, number, [event]),))


def _decoded(webhook: Webhook, body: bytes) -> Any:
    try:
        if webhook.encode == "form":
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Malformed("the push is not in the form its courier uses") from error
    if not isinstance(document, dict):
        raise Malformed("the push is no JSON object")
    return document
