"""What a platform does wrong on request: of answers and of webhooks, from one seeded generator."""

from dataclasses import dataclass, field, fields
from http import HTTPStatus
from random import Random
from typing import Any

from sandbox.http import Answer, html_answer


class UnknownFault(Exception):
    """The control request names a fault that does not exist."""


@dataclass(slots=True)
class RequestFault:
    """One rule; the first that matches a request is used up by one."""

    times: int | None = 1
    """How many requests it still hits; null means all."""
    probability: float = 1.0
    method: str = ""
    path: str = ""
    """Part of the path; empty means any."""
    status: int = 0
    """0 lets the request through (for `delay_s` and `drop`)."""
    code: str | int = ""
    message: str = ""
    html: bool = False
    retry_after_s: int | None = None
    delay_s: float = 0.0
    drop: bool = False
    """Apply the request, then break the connection before the answer is complete."""
    cut: bool = False
    """Apply the request, then answer with half of the document."""

    def matches(self, method: str, path: str) -> bool:
        if self.times is not None and self.times <= 0:
            return False
        return self.method in ("", method) and self.path in path


@dataclass(slots=True)
class WebhookFaults:
    duplicate_probability: float = 0.0
    reorder_probability: float = 0.0
    reorder_delay_s: float = 0.2
    """How long a reordered delivery is held, with the body it had when it was due."""
    lose_probability: float = 0.0
    delay_s: float = 0.0
    """Before the body is built: a scheduler with a backlog."""


def _from_record(kind: type[Any], record: dict[str, Any]) -> Any:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(record) - known)
    if unknown:
        raise UnknownFault(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return kind(**record)


@dataclass
class Faults:
    """The rules of one shop or one WhatsApp number."""

    requests: list[RequestFault] = field(default_factory=list)
    webhooks: WebhookFaults = field(default_factory=WebhookFaults)
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - replayable on purpose

    def configure(self, record: dict[str, Any]) -> None:
        """`requests` are added to those there; `webhooks` replace the earlier ones."""
        unknown = sorted(set(record) - {"requests", "webhooks", "seed"})
        if unknown:
            raise UnknownFault(f"unknown: {', '.join(unknown)}; known: requests, webhooks, seed")
        added = [_from_record(RequestFault, entry) for entry in record.get("requests", [])]
        if "webhooks" in record:
            self.webhooks = _from_record(WebhookFaults, record["webhooks"])
        if "seed" in record:
            self.random.seed(record["seed"])
        self.requests.extend(added)

    def clear(self) -> None:
        self.requests.clear()
        self.webhooks = WebhookFaults()

    def take(self, method: str, path: str) -> RequestFault | None:
        """The rule that hits this request, if any."""
        for rule in self.requests:
            if not rule.matches(method, path):
                continue
            if rule.probability < 1.0 and self.random.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times == 0:
                    self.requests.remove(rule)
            return rule
        return None

    def chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability


def retry_after(fault: RequestFault) -> list[tuple[bytes, bytes]]:
    if fault.retry_after_s is None:
        return []
    return [(b"retry-after", str(fault.retry_after_s).encode())]


def spoiled(answer: Answer, fault: RequestFault | None) -> Answer:
    """The answer to a request that was applied, as the fault lets it through."""
    if fault is not None:
        answer.dropped = fault.drop
        if fault.cut:
            answer.content = answer.content[: len(answer.content) // 2]
    return answer


def proxy_page(fault: RequestFault) -> Answer:
    """What a proxy in front of the platform answers: HTML."""
    title = f"{fault.status} {HTTPStatus(fault.status).phrase}"
    answer = html_answer(fault.status, f"<html><head><title>{title}</title></head></html>")
    answer.headers += retry_after(fault)
    return answer
