"""When an access token ends, asked of Meta itself.

Source: developers.facebook.com/docs/graph-api/reference/debug_token and .../facebook-login/
access-tokens/debugging-and-error-handling (v25.0): `GET /debug_token?input_token=` tells
`data.expires_at` and `data.data_access_expires_at`, in seconds since 1970; 0 is never, as for a
system user's token that was made without an end. The one who asks is "an app access token or an app
developer's user access token"; a token whose owner has no role on the app is refused with code 100
(github.com/nyaruka/rapidpro pull 3734). The edge knows GET only (github.com/logly/mureo issue 740),
so the token stands in the address: ours are never logged (`connectors/http.py`). Which app it is
tells `GET /app` (github.com/nov/fb_graph pull 346); an app's own token is `id|secret`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from connectors.errors import Malformed, Refused
from connectors.whatsapp.graph import Graph
from connectors.whatsapp.settings import BASE_URL, Account
from connectors.whatsapp.wire import Record, part, text

META = urlsplit(BASE_URL).hostname
WITHOUT = "Meta tells it to the app alone: enter the app secret under Settings"


async def ask_end(graph: Graph, account: Account) -> int:
    """Milliseconds since 1970; 0: it has no end. Raises ConnectorError, which says nothing of the
    token: Paused too may be about the app secret."""
    params = {"input_token": account.access_token}
    try:
        told = await graph.send("GET", "/debug_token", params=params)
    except Refused as error:
        if type(error) is not Refused:
            raise
        if not account.app_secret:
            raise Refused(WITHOUT) from None
        # An address may be changed without the app secret, so it goes to Meta's own host alone.
        if urlsplit(account.base_url).hostname != META:
            raise
        app = text((await graph.send("GET", "/app", params={"fields": "id"})).get("id"))
        if app is None:
            raise Malformed("Meta does not tell whose app the token is of") from error
        bearer = f"{app}|{account.app_secret}"
        told = await graph.send("GET", "/debug_token", params=params, bearer=bearer)
    return end_of(told)


def end_of(told: Record) -> int:
    """The first of both ends in ms; 0: never. Access to data that has ended is as good as a token
    that has. Raises Malformed where it does not tell."""
    data = part(told, "data")
    ends = [_seconds(data.get(name)) for name in ("expires_at", "data_access_expires_at")]
    if ends[0] is None:
        raise Malformed("Meta does not tell when the token ends")
    return min((1000 * one for one in ends if one), default=0)


def _seconds(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
