"""The shop's REST API as calls that answer or raise. OAuth 1.0a over http, Basic over https."""

from __future__ import annotations

import base64
from collections.abc import Generator, Mapping
from typing import Any

import httpx
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY
from oauthlib.oauth1 import Client as OAuth

from connectors.errors import Malformed, Paused, Refused, Retry, Unknown
from connectors.http import Reply, call, open_http, redact
from connectors.woocommerce.pace import Pace
from connectors.woocommerce.settings import Shop
from connectors.woocommerce.trouble import salvaged, trouble_of
from connectors.woocommerce.wire import error_code, records

API = "/wp-json/wc/v3"
ROUTE = "/wp-json/smartstore/v1/sync"
DIGEST = "/wp-json/smartstore/v1/digest"
ITEMS = "/wp-json/smartstore/v1/items"
CONNECTIONS = 8
"""A small shop's PHP has 5 to 20 workers and customers need some of them."""
NO_ITEM = frozenset(
    (
        "woocommerce_rest_product_invalid_id",
        "woocommerce_rest_product_variation_invalid_id",
        "woocommerce_rest_shop_order_invalid_id",
        "woocommerce_rest_invalid_id",
        "woocommerce_rest_term_invalid",
        "woocommerce_rest_shop_webhook_invalid_id",
    )
)
DUPLICATE_SKU = "product_invalid_sku"


class Missing(Refused):
    """There is no such item."""


class NoRoute(Refused):
    """There is no such address: the plugin is not there."""


class Rejected(Refused):
    """The shop will not take these values; `code` and `data` are its own."""

    def __init__(self, code: str, message: str, data: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.data = data


class _Signed(httpx.Auth):
    """OAuth 1.0a with one leg: query parameters, no token, the JSON body is not signed."""

    def __init__(self, shop: Shop) -> None:
        self._oauth = OAuth(
            shop.consumer_key,
            client_secret=shop.consumer_secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            signature_type=SIGNATURE_TYPE_QUERY,
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        method: Any = request.method
        uri, _headers, _body = self._oauth.sign(str(request.url), http_method=method)
        request.url = httpx.URL(uri)
        yield request


class Rest:
    """One shop's connection, kept open."""

    def __init__(self, shop: Shop, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.shop = shop
        self._pace = Pace(shop.requests_per_second)
        headers: dict[str, str] = {}
        if shop.secure:
            pair = f"{shop.consumer_key}:{shop.consumer_secret}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._http = open_http(
            shop.site_url,
            headers=headers,
            auth=None if shop.secure else _Signed(shop),
            transport=transport,
            connections=CONNECTIONS,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path below the API. Raises as `send` does."""
        return await self.send("GET", API + path, params=params)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Any:
        """The JSON answer of a success.

        Raises Retry, Unknown, Paused, Missing, NoRoute, Rejected. After a 5xx to a POST the item
        may be there all the same: look before sending it again.
        """
        return (await self._answered(method, path, params, body))[0]

    async def listed(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], int | None]:
        """A page of a collection below the API, and how many items all pages have, where the shop
        tells. Raises as `send` does."""
        found, reply = await self._answered("GET", API + path, params, None)
        if not isinstance(found, list):
            raise Unknown(f"GET {path}: the answer is no list")
        total = reply.headers.get("x-wp-total", "")
        return records(found), int(total) if total.isdigit() else None

    async def _answered(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Any
    ) -> tuple[Any, Reply]:
        reply = await self.raw(method, path, params, body)
        if reply.status >= 300:
            raise self._error(method, path, reply)
        found = salvaged(reply.body)
        if found is None:
            # Maintenance pages and security plugins answer 200 with HTML.
            raise Unknown(f"{method} {path}: {trouble_of(method, reply)}")
        return found, reply

    async def raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """The answer whatever it is, at the shop's pace. Raises Retry, Unknown."""
        await self._pace.turn()
        try:
            reply = await call(self._http, method, path, params=params, body=body)
        except Malformed as error:
            raise Unknown(str(error)) from None
        if reply.status in (429, 503):
            self._pace.asked(reply.retry_after_s() or 0.0)
        return reply

    def _error(self, method: str, path: str, reply: Reply) -> Exception:
        where, status = f"{method} {path}", reply.status
        words = redact(str(trouble_of(method, reply)), self._secrets())
        if status < 400:
            return Paused(words)
        document = salvaged(reply.body)
        code = error_code(document)
        if status in (408, 425, 429) or (status >= 500 and status != 501) or not code:
            # Without a code it is a proxy or firewall that speaks, with any status.
            told = words if not code else f"HTTP {status} {code}"
            return Retry(f"{where}: {told}", reply.retry_after_s())
        if not isinstance(document, dict):
            return Unknown(f"{where}: HTTP {status}")
        message = redact(str(document.get("message", "")), self._secrets())
        if code in NO_ITEM:
            return Missing(code)
        if code == "rest_no_route":
            return NoRoute(code)
        if status in (401, 403):
            return Paused(words)
        data = document.get("data")
        return Rejected(code, message, data if isinstance(data, dict) else {})

    def _secrets(self) -> tuple[str, str]:
        return self.shop.consumer_secret, self.shop.consumer_key
