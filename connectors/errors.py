"""What can go wrong at a platform. Every error says whether trying again helps."""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of all connector errors; its text is for an operator and holds no secret."""


class Retry(ConnectorError):
    """Not reached, or not now. Trying again helps, not before `retry_after_s` if given."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Unknown(ConnectorError):
    """It may or may not have happened. Look before doing it again."""


class Refused(ConnectorError):
    """The platform will not take this. Trying the same again does not help."""


class Paused(Refused):
    """The connection itself is unusable (wrong key, expired token): nothing helps but a person."""


class Malformed(ConnectorError):
    """The platform's words could not be understood. Trying again does not help."""


class Forged(ConnectorError):
    """The signature is missing or wrong."""
