"""The sandbox as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.control.api import Control
from sandbox.http import endpoint
from sandbox.world import World


def create_sandbox(transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """`transport` replaces the network for webhooks (tests). The world is `app.state.world`."""
    world = World(transport)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await world.sender.close()

    app = Starlette(
        routes=[
            Mount("/shops", endpoint(world.woocommerce.handle)),
            Mount("/couriers", endpoint(world.couriers.handle)),
            Mount("/sandbox", endpoint(Control(world).handle)),
            Mount("/", endpoint(world.whatsapp.handle)),
        ],
        lifespan=lifespan,
    )
    app.state.world = world
    return app
