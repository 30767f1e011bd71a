"""The pages' files. A hash of the content is in their address, so browsers keep them long."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.pages.render import STATIC

CLIENT = Path(__file__).parent / "clients" / "javascript" / "src"
"""The JavaScript client, as its package has it."""


class PageFiles(StaticFiles):
    """`api/pages/static`, or another folder. Pages elsewhere may load what is there: nothing of it
    is secret."""

    def __init__(self, directory: Path = STATIC) -> None:
        super().__init__(directory=directory)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """With the hash: kept for a year. Without: asked for again each time."""
        response = await super().get_response(path, scope)
        kept = scope.get("query_string", b"").startswith(b"v=")
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if kept else "no-cache"
        )
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["access-control-allow-origin"] = "*"
        return response
