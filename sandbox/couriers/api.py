"""`/couriers/{account}/...`: limits, faults, and which courier answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.couriers import aramex, dhl, fedex, local, ups
from sandbox.couriers.depot import Depot
from sandbox.faults import RequestFault, proxy_page, retry_after
from sandbox.http import Answer, Call, MalformedBody, json_answer


@dataclass(frozen=True)
class Kind:
    """One courier's behaviour."""

    handle: local.Handler
    error: Callable[[RequestFault], Answer]
    limited: Callable[[], Answer]
    per_s: float | None = None
    per_day: int | None = None
    unlimited: Callable[[list[str]], bool] = lambda _: False
    """Addresses that the limits leave alone."""


def gives_tokens(parts: list[str]) -> bool:
    """Tokens have limits of their own."""
    return "oauth" in parts


KINDS: dict[str, Kind] = {
    "aramex": Kind(aramex.handle, aramex.error, aramex.limited),
    "dhl": Kind(dhl.handle, dhl.error, dhl.limited, dhl.PER_S, dhl.PER_DAY, dhl.unlimited),
    "fedex": Kind(
        fedex.handle, fedex.error, fedex.limited, fedex.PER_S, fedex.PER_DAY, gives_tokens
    ),
    "ups": Kind(ups.handle, ups.error, ups.limited, unlimited=gives_tokens),
    **{name: Kind(handler, local.error, local.limited) for name, handler in local.HANDLERS.items()},
}


class Couriers:
    """All accounts of all couriers."""

    def __init__(self, depots: dict[str, Depot]) -> None:
        self._depots = depots

    async def handle(self, call: Call) -> Answer:
        _, name, *parts = call.path.strip("/").split("/")
        depot = self._depots.get(name)
        if depot is None:
            return json_answer(404, {"message": f"no courier account {name}"})
        answer = await self._answer(depot, call, parts)
        depot.calls.append(
            {
                "at": depot.clock.now(),
                "method": call.method,
                "path": "/".join(["", *parts]),
                "status": answer.status,
            }
        )
        return answer

    async def _answer(self, depot: Depot, call: Call, parts: list[str]) -> Answer:
        kind = KINDS[depot.kind]
        fault = depot.faults.take(call.method, call.path) if depot.faults.requests else None
        if fault is not None:
            if fault.delay_s > 0:
                await asyncio.sleep(fault.delay_s)
            if fault.html or (fault.status and not fault.code):
                return proxy_page(fault)
            if fault.code:
                answer = kind.error(fault)
                answer.headers += retry_after(fault)
                return answer
        if not kind.unlimited(parts) and depot.refuses(kind.per_s, kind.per_day):
            return kind.limited()
        try:
            answer = kind.handle(depot, call, parts)
        except (MalformedBody, KeyError, IndexError, TypeError, AttributeError) as error:
            # Like the real ones: what they cannot read they refuse without telling much.
            return json_answer(400, {"message": f"{type(error).__name__}: {error}"})
        answer.dropped = fault is not None and fault.drop
        return answer
