"""The Graph API as calls that answer or raise, by Meta's own codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.errors import ConnectorError, Malformed, Paused, Refused, Retry, Unknown
from connectors.http import Reply, call, open_http, redact
from connectors.whatsapp.codes import SPAM_WAIT_S, Meaning, meaning_of, regain_s
from connectors.whatsapp.settings import Account
from connectors.whatsapp.wire import Record, part

CONNECTIONS = 16


class TooFast(Retry):
    """Too many messages to this one recipient; others may be written to."""


class Graph:
    """One account's connection, kept open."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._secrets = (account.access_token, account.app_secret)
        self._http = open_http(
            account.base_url,
            headers={"authorization": f"Bearer {account.access_token}"},
            transport=transport,
            connections=CONNECTIONS,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        bearer: str = "",
    ) -> Record:
        """The JSON object of a success. `bearer`: in place of the account's own token.

        Raises Retry (surely not done), TooFast, Paused, Refused, Unknown (it may have happened).
        """
        try:
            headers = {"authorization": f"Bearer {bearer}"} if bearer else None
            reply = await call(self._http, method, path, params=params, body=body, headers=headers)
            if reply.status < 300:
                document = reply.json()
                if isinstance(document, dict) and "error" not in document:
                    return document
        except Malformed as error:
            raise Unknown(f"{method} {path}: {error}") from None
        raise self._error(f"{method} {path}", reply)

    def _error(self, where: str, reply: Reply) -> ConnectorError:
        try:
            document = reply.json()
        except Malformed:
            document = {}
        error = part(document if isinstance(document, dict) else {}, "error")
        code = error.get("code")
        code = code if isinstance(code, int) and not isinstance(code, bool) else None
        if code is None and reply.status == 429:
            return Retry(f"{where}: HTTP 429", reply.retry_after_s())
        words = redact(str(error.get("message") or ""), self._secrets)
        details = part(error, "error_data").get("details") or error.get("error_data")
        if isinstance(details, str):
            words = f"{words} {redact(details, self._secrets)}".strip()
        reason = f"{code}: {words}" if code is not None else f"{where}: HTTP {reply.status}"
        match meaning_of(code, reply.status):
            case Meaning.STOPPED:
                return Paused(reason)
            case Meaning.LATER:
                return Retry(reason, reply.retry_after_s() or regain_s(reply.headers))
            case Meaning.RECIPIENT:
                return TooFast(reason, reply.retry_after_s())
            case Meaning.SPAM:
                return Retry(reason, SPAM_WAIT_S)
            case Meaning.UNKNOWN:
                return Unknown(reason)
        return Refused(reason)
