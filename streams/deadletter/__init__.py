"""What could not be handled: parked with its reason, shown, and sent again."""

from __future__ import annotations

from streams.deadletter.parking import DeadLetters, letter_of
from streams.deadletter.store import (
    DeadLetterViews,
    Parked,
    Retried,
    list_letters,
    retry_letter,
    retry_letters,
    show_letter,
)

__all__ = [
    "DeadLetterViews",
    "DeadLetters",
    "Parked",
    "Retried",
    "letter_of",
    "list_letters",
    "retry_letter",
    "retry_letters",
    "show_letter",
]
