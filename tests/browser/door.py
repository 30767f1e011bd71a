"""A door between a browser and the api that can be shut: the network of somebody on a train."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Door:
    """Forwards bytes while it is open. Shut: new connections are refused, old ones say nothing."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = asyncio.Event()
        self._open.set()
        self._pairs: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def shut(self) -> None:
        """Nothing passes any more; nobody is told."""
        self._open.clear()

    def open(self) -> None:
        """What was connected before is gone; new connections pass."""
        for writer in list(self._pairs):
            writer.transport.abort()
        self._open.set()

    async def pass_through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self._open.is_set():
            writer.transport.abort()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._pairs |= {writer, inner_writer}
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(
                    self._carry(reader, inner_writer), self._carry(inner_reader, writer)
                )
        finally:
            self._pairs -= {writer, inner_writer}
            writer.transport.abort()
            inner_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def door_to(port: int) -> AsyncIterator[Door]:
    door = Door(port)
    server = await asyncio.start_server(door.pass_through, "127.0.0.1", 0)
    door.port = server.sockets[0].getsockname()[1]
    try:
        yield door
    finally:
        server.close()
        door.open()
