"""Connecting a shop without typing keys: a code pasted into the plugin, or WooCommerce's own screen
where the shopkeeper approves.

A code is `ssp_` and base64url JSON `{"url", "organizationId", "secret", "apiKey"}`, good for 15
minutes and once. Its `apiKey` is nobody's key until the shop has paired; then it may read.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from api.errors import forbidden, invalid
from api.imports import Imports
from api.tokens import OneTime, hashed
from schemas.envelope import rfc3339
from streams.access import Role
from streams.apikeys import KEY_PREFIX
from streams.database import Database
from streams.directory import Directory, Integration

PREFIX = "ssp_"
LIFE_S = 15 * 60
PLATFORM = "woocommerce"
APP_NAME = "SmartStore Sync"
CALLBACK = "/api/integrations/woocommerce/callback"
REPLICAS_MOST = 50


class Code(msgspec.Struct, frozen=True, rename="camel"):
    """What a pairing code holds."""

    url: str
    organization_id: str
    secret: str
    api_key: str


class _Kept(msgspec.Struct, frozen=True):
    """What we keep until the shop answers."""

    organization_id: str
    secret: str = ""
    """A digest of the code's."""
    site_url: str = ""


@dataclass(frozen=True)
class Keys:
    """A shop's own REST key, as it was handed over."""

    site_url: str
    consumer_key: str
    consumer_secret: str


class Pairing:
    """See the module. Raises problems, DirectoryError, PyMongoError."""

    def __init__(self, database: Database, directory: Directory, base_url: str) -> None:
        self._codes = OneTime(database, "pairing")
        self._states = OneTime(database, "wc-auth")
        self._directory = directory
        self._imports = Imports(database, directory)
        self._base_url = base_url

    async def code(self, organization_id: str, now_ms: int) -> dict[str, Any]:
        """A new code, with the moment it ends."""
        secret = secrets.token_hex(20)  # letters and digits: WooCommerce decodes entities in it
        kept = _Kept(organization_id, hashed(secret))
        token = await self._codes.issue(msgspec.json.encode(kept).decode(), LIFE_S)
        code = Code(self._base_url, organization_id, secret, f"{KEY_PREFIX}{token}")
        text = base64.urlsafe_b64encode(msgspec.json.encode(code)).decode().rstrip("=")
        return {"code": PREFIX + text, "expiresAt": rfc3339(now_ms + LIFE_S * 1000)}

    async def pair(self, text: str, keys: Keys) -> Integration:
        """The connection to the shop that brought this code; it waits for a preview. Raises the 403
        problem for a code that is wrong, spent or too old."""
        code = read_code(text)
        payload = None
        if code is not None and code.api_key.startswith(KEY_PREFIX):
            payload = await self._codes.take(code.api_key.removeprefix(KEY_PREFIX))
        kept = None if payload is None else msgspec.json.decode(payload, type=_Kept)
        if code is None or kept is None or kept.secret != hashed(code.secret):
            raise forbidden(
                "This pairing code is wrong, used already, or older than 15 minutes.",
                "Make a new one at /integrations and paste it into the plugin.",
            )
        made = await self._connect(kept.organization_id, keys, code.secret)
        await self._admit(kept.organization_id, code.api_key, keys.site_url)
        return made

    async def _admit(self, organization_id: str, api_key: str, site_url: str) -> None:
        """The plugin's own key, in place of the one it had before."""
        known, name = self._directory.keys, urlsplit(site_url).hostname or site_url
        made = await known.admit(organization_id, api_key, name, Role.PLUGIN)
        for key in await known.list(organization_id):
            if key.role is Role.PLUGIN and key.name == made.name and key.id != made.id:
                await known.remove(organization_id, key.id)

    async def authorize_url(self, organization_id: str, site_url: str) -> str:
        """Where the shopkeeper approves. Raises the 422 problem where the shop could not answer."""
        if not self._base_url.startswith("https://"):
            raise invalid(
                "WooCommerce hands its keys to https addresses only.",
                "Set SMARTSTORE_PUBLIC_URL to your https address, or use a pairing code or paste "
                "the keys.",
            )
        site = site_url.rstrip("/")
        kept = _Kept(organization_id, site_url=site)
        state = await self._states.issue(msgspec.json.encode(kept).decode(), LIFE_S)
        asked = {
            "app_name": APP_NAME,
            "scope": "read_write",
            "user_id": state,
            "return_url": f"{self._base_url}/integrations",
            "callback_url": f"{self._base_url}{CALLBACK}",
        }
        return f"{site}/wc-auth/v1/authorize?{urlencode(asked)}"

    async def approved(self, state: str, consumer_key: str, consumer_secret: str) -> Integration:
        """The shop's answer to what `authorize_url` began. Raises the 403 problem."""
        payload = await self._states.take(state)
        if payload is None:
            raise forbidden(
                "Nobody here asked this shop for keys within the last 15 minutes.",
                "Begin again at /integrations.",
            )
        kept = msgspec.json.decode(payload, type=_Kept)
        keys = Keys(kept.site_url, consumer_key, consumer_secret)
        return await self._connect(kept.organization_id, keys, "")

    async def _connect(self, organization_id: str, keys: Keys, secret: str) -> Integration:
        site = keys.site_url.rstrip("/")
        replica = replica_for(await self._directory.integrations(organization_id), site)
        given = {"consumer_key": keys.consumer_key, "consumer_secret": keys.consumer_secret}
        if secret:
            given["webhook_secret"] = secret
        made = await self._directory.connect(
            organization_id, PLATFORM, {"site_url": site}, given, replica=replica
        )
        found = await self._directory.integration(organization_id, made.id)
        if not found.confirmed:
            await self._imports.preview(organization_id, found.id)
        return found


def read_code(text: str) -> Code | None:
    """What the code holds; None for what is none. Pure."""
    body = text.strip()
    if not body.startswith(PREFIX):
        return None
    body = body.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=Code)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None


def replica_for(known: list[Integration], site_url: str) -> str:
    """The connection's name: of the shop with this address, else the next free one. Pure."""
    shops = {found.replica: found for found in known if found.platform == PLATFORM}
    for replica, found in shops.items():
        if same_site(found.settings.get("site_url", ""), site_url):
            return replica
    names = [PLATFORM, *(f"{PLATFORM}:{number}" for number in range(2, REPLICAS_MOST))]
    return next(name for name in names if name not in shops)


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are one shop's: scheme and a slash at the end do not matter. Pure."""
    return _site(one) == _site(other)


def _site(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc.lower(), parts.path.rstrip("/")


def told(integration: Integration) -> Mapping[str, Any]:
    """What the shop is answered: nothing that it does not need."""
    return {
        "integrationId": integration.id,
        "organizationId": integration.organization_id,
        "replica": integration.replica,
        "confirmed": integration.confirmed,
    }
