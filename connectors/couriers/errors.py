"""What can go wrong at a courier, every message of it kept.

    AuthError       Paused    wrong or expired credentials: only a person helps
    NotFound        Refused   no such shipment, or not scanned yet
    InvalidRequest  Refused   the courier will not take this
    Unsupported     Refused   this courier cannot do that at all
    RateLimited     Retry     too fast, or the day's quota is spent
    Unavailable     Retry     5xx, no answer, a maintenance page

A creation that got no clear answer is none of these: it is `connectors.errors.Unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from connectors.errors import ConnectorError, Paused, Refused, Retry
from connectors.http import Reply, redact

SILENT = "the courier gave no reason"
MAX_MESSAGES = 50


class CourierError(ConnectorError):
    """A courier's refusal. `messages` are its own words, at least one."""

    def __init__(
        self,
        messages: Iterable[str] | str,
        *,
        code: str = "",
        number: str = "",
        reference: str = "",
        retry_after_s: float | None = None,
        untouched: bool = False,
    ) -> None:
        listed = (messages,) if isinstance(messages, str) else tuple(messages)
        kept = tuple(one for one in listed if one)[:MAX_MESSAGES] or (SILENT,)
        text = "; ".join(kept)
        super().__init__(f"{code}: {text}" if code else text)
        self.messages = kept
        self.code = code
        self.number = number
        """The tracking number it is about, where it is about one of several."""
        self.reference = reference
        """Of the shipment it is about, where it is about one of several."""
        self.retry_after_s = retry_after_s
        self.untouched = untouched
        """The courier itself says that it did nothing: a creation may be sent again."""

    def redacted(self, secrets: Iterable[str]) -> Self:
        """The same without any of these secrets in its words."""
        hidden = tuple(secrets)
        return type(self)(
            [redact(one, hidden) for one in self.messages],
            code=redact(self.code, hidden),
            number=self.number,
            reference=self.reference,
            retry_after_s=self.retry_after_s,
            untouched=self.untouched,
        )


class AuthError(CourierError, Paused):
    """The credentials are wrong."""


class NotFound(CourierError, Refused):
    """No such shipment. DHL says the same of one not scanned yet: keep it, ask again later."""


class InvalidRequest(CourierError, Refused):
    """The courier will not take this; the same again does not help."""


class Unsupported(CourierError, Refused):
    """The courier offers no such thing."""


class RateLimited(CourierError, Retry):
    """Too fast."""


class Unavailable(CourierError, Retry):
    """Not there, or not making sense."""


def silent(number: str) -> Unavailable:
    """A number that was asked for and of which the answer says nothing."""
    return Unavailable("the courier's answer does not mention it", number=number)


KINDS: dict[str, type[CourierError]] = {
    kind.__name__: kind for kind in (AuthError, NotFound, InvalidRequest, RateLimited, Unavailable)
}


def by_status(reply: Reply, messages: Iterable[str] | str = (), code: str = "") -> CourierError:
    """The error an HTTP status means where the courier's own code says nothing else."""
    kind: type[CourierError]
    match reply.status:
        case 401 | 403:
            kind = AuthError
        case 404:
            kind = NotFound
        case 429:
            kind = RateLimited
        case status if status >= 500 or status < 400:
            kind = Unavailable
        case _:
            kind = InvalidRequest
    said = (messages,) if isinstance(messages, str) else tuple(messages)
    return kind(
        said or f"HTTP {reply.status}",
        code=code or str(reply.status),
        retry_after_s=reply.retry_after_s(),
    )
