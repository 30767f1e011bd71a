"""Step by step, what works between us and a shop, and what helps where it does not."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime

from connectors.errors import ConnectorError, Malformed
from connectors.http import Reply
from connectors.protocol import Finding
from connectors.woocommerce.rest import API, ROUTE, Rest
from connectors.woocommerce.trouble import Trouble, salvaged, trouble_of

INDEX = "/wp-json/"
CLOCK_S = 600.0
"""OAuth 1.0a takes 15 minutes either way; webhooks of the plugin five."""

Step = Callable[[Rest], Awaitable[str]]


class Bad(Exception):
    """A step that failed."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


async def examine(rest: Rest) -> list[Finding]:
    """The steps in order, up to the first without which the others mean nothing."""
    found: list[Finding] = []
    for name, step, needed in STEPS:
        began = time.perf_counter()
        try:
            told, fix, ok = await step(rest), "", True
        except Bad as error:
            told, fix, ok = error.trouble.what, error.trouble.fix, False
        except ConnectorError as error:
            told, fix, ok = str(error), "Check the shop's address and that it is online.", False
        found.append(Finding(name, ok, told, fix, (time.perf_counter() - began) * 1000))
        if needed and not ok:
            break
    return found


async def _reached(rest: Rest) -> str:
    """WordPress's own index, which needs no key."""
    reply = await rest.raw("GET", INDEX)
    document = salvaged(reply.body)
    if reply.status >= 300 or not isinstance(document, dict) or "namespaces" not in document:
        raise Bad(trouble_of("GET", reply))
    if "wc/v3" not in document["namespaces"]:
        raise Bad(
            Trouble(
                "WordPress answers, but WooCommerce is not active",
                "Activate WooCommerce (version 3.5 or newer) in the shop.",
            )
        )
    return str(document.get("name") or "WordPress answers, with WooCommerce")


async def _reads(rest: Rest) -> str:
    reply = await _asked(rest, "GET", f"{API}/products", {"per_page": "1", "_fields": "id"})
    total = reply.headers.get("x-wp-total", "")
    if _noisy(reply):
        raise Bad(
            Trouble(
                "Products can be read, but PHP writes its notices into the answers",
                "Switch WP_DEBUG_DISPLAY off in the shop's wp-config.php; until then we read past "
                "them.",
            )
        )
    return f"{total} products" if total.isdigit() else "Products can be read"


async def _reads_orders(rest: Rest) -> str:
    reply = await _asked(rest, "GET", f"{API}/orders", {"per_page": "1", "_fields": "id"})
    total = reply.headers.get("x-wp-total", "")
    return f"{total} orders" if total.isdigit() else "Orders can be read"


async def _writes(rest: Rest) -> str:
    """An empty batch changes nothing, and is refused to a key that may only read."""
    await _asked(rest, "POST", f"{API}/products/batch", body={})
    return "The key may write"


async def _clock(rest: Rest) -> str:
    reply = await rest.raw("GET", INDEX, {"_fields": "name"})
    try:
        moment = parsedate_to_datetime(reply.headers.get("date", ""))
    except ValueError:
        return "The shop does not tell its time"
    apart = abs(moment.timestamp() - time.time())
    if apart > CLOCK_S:
        raise Bad(
            Trouble(
                f"The shop's clock and ours are {apart / 60:.0f} minutes apart",
                "Set the clock of whichever is wrong; signed requests are refused otherwise.",
            )
        )
    return "Its clock is right"


async def _plugin(rest: Rest) -> str:
    reply = await rest.raw("GET", ROUTE)
    document = salvaged(reply.body)
    if reply.status == 404:
        return "Not installed. Without it an edit made while we write can be lost."
    if reply.status >= 300 or not isinstance(document, dict) or not document.get("plugin"):
        raise Bad(trouble_of("GET", reply))
    return f"Version {document['plugin']}"


STEPS: tuple[tuple[str, Step, bool], ...] = (
    ("The shop answers", _reached, True),
    ("Products can be read", _reads, False),
    ("Orders can be read", _reads_orders, False),
    ("The key may write", _writes, False),
    ("The clocks agree", _clock, False),
    ("SmartStore plugin", _plugin, False),
)
"""Name, step, and whether the rest is in vain without it."""


async def _asked(
    rest: Rest,
    method: str,
    path: str,
    params: Mapping[str, str] | None = None,
    body: object = None,
) -> Reply:
    reply = await rest.raw(method, path, params, body)
    if reply.status >= 300 or salvaged(reply.body) is None:
        raise Bad(trouble_of(method, reply))
    return reply


def _noisy(reply: Reply) -> bool:
    try:
        reply.json()
    except Malformed:
        return True
    return False
