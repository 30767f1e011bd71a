"""One business number: its templates, conversations, messages and catalogue."""

import base64
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Faults

Record = dict[str, Any]

WINDOW_S = 24 * 3600
PAIR_INTERVAL_S = 6.0
PAIR_BURST = 45


@dataclass(slots=True)
class Template:
    name: str
    language: str
    parameters: int = 0
    """Of the body."""
    header: str = ""
    """text, image, document, video or empty."""
    buttons: list[str] = field(default_factory=list)
    """Types of those that take a parameter: quick_reply, url."""
    status: str = "APPROVED"
    category: str = "utility"
    body: str = ""
    """Its text with `{{1}}`; made up where none was given."""
    quality: str = "GREEN"
    id: str = field(default_factory=lambda: str(10**14 + secrets.randbelow(10**14)))


@dataclass
class Settings:
    display_phone_number: str = "94112345678"
    account_id: str = "217530984412087"
    catalog_id: str = "1083364729915520"
    access_token: str = "sandbox-token"  # noqa: S105 - a stand-in has no secrets
    token_expires_at: float = 0.0
    """0: never."""
    data_access_expires_at: float = 0.0
    token_has_role: bool = True
    """Its owner is a developer of the app, so it may ask about itself."""
    app_id: str = "670843887433847"
    app_secret: str = "sandbox-app-secret"  # noqa: S105 - a stand-in has no secrets
    verify_token: str = "sandbox-verify-token"  # noqa: S105 - a stand-in has no secrets
    webhook_url: str = ""
    strict: bool = True
    statuses: list[str] = field(default_factory=lambda: ["sent", "delivered", "read"])
    status_delay_s: float = 0.0
    """Before the first status, and between two."""
    enforce_window: bool = True
    window_error_at_once: bool = False
    """Refuse with 131047 instead of accepting and failing later, which is what Meta mostly does."""
    enforce_pair_limit: bool = False
    throughput_per_s: int = 80
    """0: none."""
    approve_templates: bool = True
    """Submitted templates are approved at once; else they stay PENDING."""
    catalog_delay_s: float | None = 0.05
    """Until a batch is finished; null: until it is asked for by the control API."""
    delivery_attempts: int = 6
    retry_base_s: float = 0.5


@dataclass
class Number:
    id: str
    settings: Settings
    clock: Clock
    templates: dict[tuple[str, str], Template] = field(default_factory=dict)
    windows: dict[str, float] = field(default_factory=dict)
    """Customer to the time of the last message from there."""
    messages: list[Record] = field(default_factory=list)
    by_id: dict[str, Record] = field(default_factory=dict)
    inbound: list[Record] = field(default_factory=list)
    pairs: dict[str, float] = field(default_factory=dict)
    sent_at: deque[float] = field(default_factory=deque)
    faults: Faults = field(default_factory=Faults)
    preset_ids: deque[str] = field(default_factory=deque)
    """Numbers for the next messages, for tests that compare whole answers."""
    fail_next: deque[int] = field(default_factory=deque)
    """Codes with which the next accepted messages fail later."""

    def new_message_id(self, customer: str) -> str:
        """As Meta's: the customer's number is in it."""
        if self.preset_ids:
            return self.preset_ids.popleft()
        told = customer.encode()
        random = secrets.token_hex(10).upper().encode()
        parts = b"\x1c\x18", bytes([len(told)]), told, b"\x15\x02\x00\x12\x18\x14", random, b"\x00"
        return "wamid." + base64.b64encode(b"".join(parts)).decode()

    def window_open(self, customer: str) -> bool:
        last = self.windows.get(customer)
        return last is not None and self.clock.now() - last < WINDOW_S

    def over_throughput(self) -> bool:
        limit = self.settings.throughput_per_s
        if not limit:
            return False
        now = self.clock.now()
        while self.sent_at and self.sent_at[0] <= now - 1:
            self.sent_at.popleft()
        if len(self.sent_at) >= limit:
            return True
        self.sent_at.append(now)
        return False

    def over_pair_limit(self, customer: str) -> bool:
        """One in six seconds; a burst of 45 is borrowed from the time to come."""
        if not self.settings.enforce_pair_limit:
            return False
        now = self.clock.now()
        free_at = max(self.pairs.get(customer, now), now)
        if free_at - now > (PAIR_BURST - 1) * PAIR_INTERVAL_S:
            return True
        self.pairs[customer] = free_at + PAIR_INTERVAL_S
        return False


def user_id(customer: str) -> str:
    """The business-scoped id that goes with a phone number: the same one every time."""
    return f"LK.{int(customer or 0) * 7919 % 10**17:017d}"
