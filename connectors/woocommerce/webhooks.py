"""The shop's webhooks to us: made, kept right, taken away. `plan` is pure.

WooCommerce shows no secret, switches a webhook off after failures in a row, and lets anybody change
or delete it. So what we asked for is remembered (`known`) and compared with what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from connectors.protocol import Subscription
from connectors.woocommerce import wire
from connectors.woocommerce.rest import API, Missing, Rest
from connectors.woocommerce.wire import Resource

PATH = "/webhooks"
NAME = "SmartStore Sync"
TOPICS = (
    "product.created", "product.updated", "product.deleted", "product.restored",
    "order.created", "order.updated", "order.deleted", "order.restored",
    "customer.created", "customer.updated", "customer.deleted",
)  # fmt: skip
PAGE = 100


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook as the shop has it."""

    id: int
    topic: str
    status: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call, and why in words for people (empty: nothing was wrong)."""

    do: Literal["create", "update", "delete"]
    topic: str
    id: int = 0
    body: Mapping[str, Any] | None = None
    why: str = ""


def plan(
    held: Sequence[Hook], url: str, secret: str, known: Mapping[str, str], *, quiet: bool
) -> list[Step]:
    """What makes the shop's webhooks ours and right. `known`: topic to `remembered`. Other
    people's webhooks (another address, not made by us) are let alone."""
    steps: list[Step] = []
    ids = {topic: int(text.partition(":")[0]) for topic, text in known.items()}
    for topic in TOPICS:
        ours = [
            hook
            for hook in held
            if hook.topic == topic and (hook.url == url or hook.id == ids.get(topic))
        ]
        if not ours:
            why = f"{topic} was gone" if topic in known else ""
            body = {
                "name": f"{NAME}: {topic}",
                "topic": topic,
                "delivery_url": url,
                "secret": secret,
                "status": "paused" if quiet else "active",
            }
            steps.append(Step("create", topic, body=body, why=why))
            continue
        best = min(ours, key=lambda one: (one.id != ids.get(topic), one.status != "active", one.id))
        update = _corrected(best, url, secret, known.get(topic, ""), quiet=quiet)
        if update is not None:
            steps.append(update)
        steps += [
            Step("delete", topic, hook.id, why=f"{topic} was there twice")
            for hook in ours
            if hook is not best
        ]
    return steps


def _corrected(hook: Hook, url: str, secret: str, known: str, *, quiet: bool) -> Step | None:
    body: dict[str, Any] = {}
    why = []
    if hook.url != url:
        body["delivery_url"] = url
        why.append(f"{hook.topic} went to another address")
    if known != remembered(hook.id, secret):
        body["secret"] = secret
    if quiet and hook.status == "active":
        body["status"] = "paused"
    elif not quiet and hook.status != "active":
        # WooCommerce disables; our plugin pauses, and it is not there any more.
        body["status"] = "active"
        why.append(f"{hook.topic} was {hook.status}")
    return Step("update", hook.topic, hook.id, body, "; ".join(why)) if body else None


def remembered(number: int, secret: str) -> str:
    """What is kept of a webhook: its id, and a digest of its secret, which the shop never shows."""
    return f"{number}:{sha256(secret.encode()).hexdigest()[:16]}"


class Webhooks:
    """One shop's. Errors are those of `Rest.send`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def subscribe(
        self, url: str, secret: str, known: Mapping[str, str], *, quiet: bool
    ) -> Subscription:
        """See `connectors.protocol.Subscribes`."""
        steps = plan(await self._held(), url, secret, known, quiet=quiet)
        for step in steps:
            await self._take(step)
        after = await self._held() if steps else []
        left = plan(after, url, secret, known, quiet=quiet) if steps else []
        wrong = [step.topic for step in left if set(step.body or ()) != {"secret"}]
        hooks = {
            hook.topic: remembered(hook.id, secret)
            for hook in after
            if hook.url == url and hook.topic in TOPICS
        }
        mended = tuple(step.why for step in steps if step.why)
        return Subscription(
            hooks=hooks if steps else dict(known),
            mended=mended,
            missed=any(step.why and step.do != "delete" for step in steps),
            refused=f"The shop did not keep: {', '.join(sorted(set(wrong)))}" if wrong else "",
        )

    async def unsubscribe(self, url: str, known: Mapping[str, str]) -> int:
        """See `connectors.protocol.Subscribes`."""
        ids = {int(text.partition(":")[0]) for text in known.values()}
        ours = [hook.id for hook in await self._held() if hook.url == url or hook.id in ids]
        if ours:  # in one call: whoever disconnects a slow shop waits for it
            await self._rest.send("POST", f"{API}{PATH}/batch", body={"delete": ours})
        return len(ours)

    async def _take(self, step: Step) -> None:
        path = f"{API}{PATH}/{step.id}"
        try:
            if step.do == "create":
                await self._rest.send("POST", API + PATH, body=step.body)
            elif step.do == "update":
                await self._rest.send("PUT", path, body=step.body)
            else:
                await self._rest.send("DELETE", path, params={"force": "true"})
        except Missing:
            return  # somebody deleted it meanwhile: the next look finds it gone

    async def _held(self) -> list[Hook]:
        found: list[Hook] = []
        page = 1
        while True:
            params = {"per_page": str(PAGE), "page": str(page), "orderby": "id", "order": "asc"}
            rows, _ = await self._rest.listed(PATH, params)
            found += [_hook(row) for row in rows]
            if len(rows) < PAGE:
                return found
            page += 1


def _hook(row: Resource) -> Hook:
    return Hook(
        id=wire.whole(row.get("id")) or 0,
        topic=str(row.get("topic") or ""),
        status=str(row.get("status") or ""),
        url=str(row.get("delivery_url") or ""),
    )
