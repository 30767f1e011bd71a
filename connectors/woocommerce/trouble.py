"""What a shop's refusal means and what helps, in words for its keeper. Pure.

WooCommerce's own codes decide, then whose page it is: messages are translated, pages are not ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors.http import Reply
from connectors.woocommerce.wire import error_code

BLOCKED = frozenset(
    (
        "rest_cannot_access",
        "rest_disabled",
        "rest_forbidden",
        "rest_login_required",
        "rest_not_logged_in",
        "rest_unauthorized",
        "itsec_rest_api_access_restricted",
    )
)
"""Codes of plugins that close the REST API to everybody without a WordPress login."""
FIREWALLS = (
    ("cloudflare", "Cloudflare"),
    ("cf-ray", "Cloudflare"),
    ("sucuri", "Sucuri"),
    ("wordfence", "Wordfence"),
    ("imunify", "Imunify360"),
    ("mod_security", "ModSecurity"),
    ("modsecurity", "ModSecurity"),
    ("incapsula", "Imperva"),
    ("captcha", "a captcha"),
)
"""What a page or its headers hold, and who made it."""
_NOTICE = re.compile(rb"(?i)(notice|warning|deprecated|strict standards|fatal error)\b|<br\s*/?>")
_STARTS = re.compile(rb"[\[{]")
STARTS_MOST = 200
"""Places tried in a body that does not begin with JSON; a notice holds few brackets."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, and what helps."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}"


def salvaged(body: bytes) -> Any | None:
    """The JSON behind PHP's notices (`<br /><b>Notice</b>: ...{"id":1}`) or a byte order mark; None
    where there is none, or where the words before it are something else."""
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return _decoded(text)
    for number, start in enumerate(_STARTS.finditer(text)):
        if number >= STARTS_MOST:
            return None
        if not _NOTICE.search(text[: start.start()]):
            continue
        found = _decoded(text[start.start() :])
        if isinstance(found, dict) or (isinstance(found, list) and _is_list_of_items(found)):
            return found
    return None


def _is_list_of_items(found: list[Any]) -> bool:
    """`[]` or resources: a notice may hold `[1]` and the like."""
    return all(isinstance(entry, dict) for entry in found)


def _decoded(text: bytes) -> Any | None:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def trouble_of(method: str, reply: Reply) -> Trouble:
    """Of an answer that is no success, or a success that is no JSON."""
    if 300 <= reply.status < 400:
        return _redirected(reply)
    document = salvaged(reply.body)
    code = error_code(document)
    if code:
        return _coded(method, reply.status, code, str(document.get("message") or ""))  # type: ignore[union-attr]
    return _page(reply)


def _redirected(reply: Reply) -> Trouble:
    parts = urlsplit(reply.headers.get("location", ""))
    to = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "another address"
    return Trouble(
        f"The shop's address redirects to {to}", f"Set the shop's address to {to} and test again."
    )


def _coded(method: str, status: int, code: str, message: str) -> Trouble:
    told = f"{code}: {message}" if message else code
    if code in BLOCKED:
        return Trouble(
            f"A security plugin closes the shop's REST API ({told})",
            "Allow REST requests to /wp-json/wc/v3 and /wp-json/smartstore/v1 in that plugin.",
        )
    if code == "rest_no_route":
        return Trouble(
            "The address is not there: WooCommerce or its REST API is switched off",
            "Activate WooCommerce in the shop and save Settings → Permalinks once.",
        )
    if code == "woocommerce_rest_authentication_error":
        if method == "GET":
            return Trouble(
                f"The key is not accepted ({told})",
                "Check the consumer secret, that the key may read and write, and the shop's clock.",
            )
        return Trouble(
            f"The key may not write ({told})",
            "In WooCommerce → Settings → Advanced → REST API give the key Read/Write permission.",
        )
    if status == 401:
        return Trouble(
            f"The shop does not know the key ({told})",
            "Check the consumer key. If it is right, the web server drops the Authorization "
            "header: let it pass on (Apache: CGIPassAuth On).",
        )
    if status == 403:
        return Trouble(
            f"The key's user may not do this ({told})",
            "Make a key for a user who is administrator or shop manager.",
        )
    return Trouble(f"The shop answered HTTP {status} ({told})", "Try again in a while.")


def _page(reply: Reply) -> Trouble:
    """A page instead of JSON."""
    names = " ".join((*reply.headers, str(reply.headers.get("server", ""))))
    text = f"{names} {reply.body[:20_000].decode('utf-8', 'replace')}".lower()
    firewall = next((name for sign, name in FIREWALLS if sign in text), "")
    if reply.status in (403, 406, 429, 503) and firewall:
        return Trouble(
            f"A firewall stops us before the shop is reached ({firewall}, HTTP {reply.status})",
            "Allow requests of SmartStore (user agent smartstore-sync) to /wp-json/ there.",
        )
    if reply.status == 404:
        return Trouble(
            "The shop has no REST address under /wp-json/",
            "Set Settings → Permalinks in WordPress to anything but Plain, and check the address.",
        )
    if reply.status in (401, 403, 406):
        return Trouble(
            f"A page answers instead of the shop's REST API (HTTP {reply.status})",
            "A password, firewall or security plugin is in front: let requests to /wp-json/ pass.",
        )
    if reply.status < 300:
        return Trouble(
            "A page answers instead of the shop's REST API",
            "Is the shop in maintenance or behind a login? Let requests to /wp-json/ pass.",
        )
    return Trouble(
        f"The shop's server answers with an error page (HTTP {reply.status})",
        "Try again in a while; if it stays, ask the shop's host.",
    )
