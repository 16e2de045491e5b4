"""Static files: one URL a content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"


@cache
def asset(path: str) -> str:
    """URL of a static file, versioned by its content. FileNotFoundError if there is none.

    Scripts have no version: modules import each other by plain name, and two URLs would be two modules.
    """
    if path.endswith(".js") and (FOLDER / path).exists():
        return f"/static/{path}"
    digest = hashlib.sha256((FOLDER / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={digest}"


class Assets(StaticFiles):
    """Serves the folder: for good where the URL carries a version, else revalidated by ETag."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response
