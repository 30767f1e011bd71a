"""The I/O of one courier account: tokens, sending, and what a missing answer means."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.couriers.errors import (
    AuthError,
    CourierError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unavailable,
    by_status,
)
from connectors.couriers.hosts import paced
from connectors.couriers.labels import MAX_LABEL_BYTES, Label, label_of
from connectors.couriers.model import Created, Creation, Tracking
from connectors.couriers.protocol import A, Context, Courier, Operation, Request, Token
from connectors.couriers.shipment import Shipment
from connectors.couriers.tokens import Tokens
from connectors.errors import Malformed, Refused, Retry, Unknown
from connectors.http import Reply, open_http, send
from connectors.network import way_out
from connectors.protocol import Connection
from schemas.clock import unix_ms

CONNECTIONS = 8
TIMEOUT_S = 20.0
"""Creating a label takes FedEx and DHL up to ten."""
NOBODYS_NUMBER = "100000000000"

T = TypeVar("T")
_encoder = msgspec.json.Encoder(decimal_format="number")


class CourierClient(Generic[A]):
    """One per connection, kept open. Pace is its caller's: see `Courier.traits`."""

    def __init__(
        self,
        courier: Courier[A],
        connection: Connection,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = unix_ms,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """`transport` replaces the network in tests. Raises Paused where a setting is missing."""
        self.courier = courier
        self._account = courier.account(connection)
        self.traits = paced(connection, courier.traits(self._account))
        on_trial = connection.settings.get("allow_private_addresses") == "true"
        if connection.networks is not None or not on_trial:
            transport = transport or way_out(connection.networks or (), CONNECTIONS)
        self._http = open_http(
            "", transport=transport, connections=CONNECTIONS, timeout_s=TIMEOUT_S
        )
        self._tokens = Tokens(self._fetch, clock)
        self._now_ms, self._new_id = now_ms, new_id
        self._hosts: set[str] = set()

    async def track(
        self, numbers: Sequence[str], uses: Mapping[str, str] | None = None
    ) -> Tracking:
        """Where shipments are, each number with an outcome of its own. `uses`: see Context.

        Raises AuthError; RateLimited and Unavailable where not one number was answered."""
        found = Tracking()
        answered = False
        for chunk in _chunks(numbers, self.traits.track_batch):
            try:
                found += await self._track(chunk, uses or {})
                answered = True
            except (RateLimited, Unavailable) as error:
                if not answered:
                    raise
                rest = numbers[_place(numbers, chunk) :]
                return found + Tracking(failed=tuple(_about(error, one) for one in rest))
        return found

    async def _track(self, chunk: Sequence[str], uses: Mapping[str, str]) -> Tracking:
        try:
            return await self._ask(
                "track",
                lambda context: self.courier.track_request(self._account, chunk, context),
                lambda reply, context: self.courier.track_response(
                    self._account, chunk, reply, context
                ),
                uses,
            )
        except NotFound:
            return Tracking(not_found=tuple(chunk))
        except InvalidRequest as error:
            return Tracking(failed=tuple(_about(error, one) for one in chunk))

    async def create(self, shipments: Sequence[Shipment]) -> Creation:
        """New shipments, at most `traits.create_batch`. Never repeat one that is not settled: none
        of these couriers has an idempotency key.

        Raises CourierError where nothing was created, Unknown where nobody knows: look up the
        reference."""
        if len(shipments) > self.traits.create_batch:
            raise ValueError(f"{self.courier.name} takes {self.traits.create_batch} at a time")
        return await self._do(
            "create",
            lambda context: self.courier.create_request(self._account, shipments, context),
            lambda reply, _: self.courier.create_response(self._account, shipments, reply),
        )

    async def lookup(self, reference: str) -> tuple[str, ...]:
        """Numbers of the shipments with this reference; empty where none is known yet, which does
        not say that there is none."""
        return await self._ask(
            "lookup",
            lambda context: self.courier.lookup_request(self._account, reference, context),
            lambda reply, _: self.courier.lookup_response(self._account, reference, reply),
        )

    async def cancel(self, created: Created) -> None:
        """Raises CourierError where it was not cancelled, Unknown where nobody knows."""
        await self._do(
            "cancel",
            lambda context: self.courier.cancel_request(self._account, created, context),
            lambda reply, _: self.courier.cancel_response(self._account, created, reply),
        )

    async def labels(self, created: Created) -> tuple[Label, ...]:
        """The labels that came with it, else those behind its address, else asked for anew.

        Raises CourierError, BadLabel."""
        if created.labels:
            return created.labels
        if created.label_url:
            return (await self._download(created.label_url),)
        return await self._ask(
            "label",
            lambda context: self.courier.label_request(self._account, created, context),
            lambda reply, _: self.courier.label_response(self._account, created, reply),
        )

    async def probe(self) -> str:
        """Asks for a number that nobody has; what was found, in words. Raises ConnectorError."""
        if "track" not in self.traits.operations:
            return f"{self.courier.name} offers nothing that can be tried without a shipment"
        answer = await self.track([NOBODYS_NUMBER])
        for error in answer.failed:
            if not isinstance(error, InvalidRequest):
                raise error
        return f"{self.courier.name} answers"

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _ask(
        self,
        operation: Operation,
        build: Callable[[Context], Request],
        read: Callable[[Reply, Context], T],
        uses: Mapping[str, str] | None = None,
    ) -> T:
        """A question, which may be asked again: no answer means Unavailable."""
        try:
            return await self._exchange(operation, build, read, uses)
        except (Unknown, Malformed) as error:
            raise Unavailable(str(error)) from None

    async def _do(
        self,
        operation: Operation,
        build: Callable[[Context], Request],
        read: Callable[[Reply, Context], T],
    ) -> T:
        """A deed: an answer that makes no sense means Unknown."""
        try:
            return await self._exchange(operation, build, read)
        except Malformed as error:
            raise Unknown(str(error)) from None
        except Unavailable as error:
            if error.untouched:
                raise
            raise Unknown(str(error)) from None

    async def _exchange(
        self,
        operation: Operation,
        build: Callable[[Context], Request],
        read: Callable[[Reply, Context], T],
        uses: Mapping[str, str] | None = None,
    ) -> T:
        scope = self.courier.token_scope(self._account, operation)
        try:
            context = await self._context(scope, uses)
            reply = await self._send(build(context))
            if reply.status == 401 and scope is not None:
                self._tokens.drop(scope, context.token)
                context = await self._context(scope, uses)
                reply = await self._send(build(context))
            return read(reply, context)
        except CourierError as error:
            raise error.redacted(self.courier.secrets(self._account)) from None

    async def _context(self, scope: str | None, uses: Mapping[str, str] | None) -> Context:
        token = "" if scope is None else await self._tokens.get(scope)
        return Context(self._now_ms(), self._new_id(), token, uses or {})

    async def _fetch(self, scope: str) -> Token:
        """Nothing was done yet: whatever fails here may be tried again, or is a person's."""
        try:
            reply = await self._send(self.courier.token_request(self._account, scope))
            return self.courier.token_response(self._account, reply)
        except (Unknown, Malformed, Unavailable) as error:
            raise Unavailable(str(error), untouched=True) from None
        except (InvalidRequest, NotFound) as error:
            # What is refused in a request of nothing but credentials is the credentials.
            raise AuthError(error.messages, code=error.code) from None

    async def _send(self, request: Request) -> Reply:
        headers = dict(request.headers)
        content = None if request.json is None else _encoder.encode(request.json)
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        self._hosts.add(urlsplit(request.url).netloc)
        try:
            built = self._http.build_request(
                request.method,
                request.url,
                params=dict(request.query) or None,
                headers=headers,
                content=content,
                data=None if request.form is None else dict(request.form),
            )
            return await send(self._http, built)
        except httpx.InvalidURL:
            raise InvalidRequest("the courier's address is no web address") from None
        except Retry as error:
            raise Unavailable(str(error), untouched=True) from None

    async def _download(self, url: str) -> Label:
        """Without our credentials, and only from the courier itself or over TLS."""
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.netloc not in self._hosts:
            raise Refused("the label's address is not encrypted and not the courier's own")
        try:
            reply = await send(
                self._http, self._http.build_request("GET", url), limit=MAX_LABEL_BYTES
            )
        except (Unknown, Malformed) as error:
            raise Unavailable(str(error)) from None
        if reply.status >= 300:
            raise by_status(reply, "the label's address leads nowhere any more")
        return label_of(reply.body)


def _chunks(numbers: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _place(numbers: Sequence[str], chunk: Sequence[str]) -> int:
    return list(numbers).index(chunk[0])


def _about(error: CourierError, number: str) -> CourierError:
    """The same, of one number."""
    return type(error)(
        error.messages, code=error.code, number=number, retry_after_s=error.retry_after_s
    )
