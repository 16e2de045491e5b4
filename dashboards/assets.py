"""Static files: one URL a content, so that browsers may keep them for good; scripts and styles without what
only their authors need."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from rcssmin import cssmin
from rjsmin import jsmin
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
# Comments and indentation: a sixth of their weight after gzip. Names stay, for errors in the browser.
SMALLER = {".css": (cssmin, "text/css"), ".js": (jsmin, "text/javascript")}


@cache
def asset(path: str) -> str:
    """URL of a static file, versioned by its content. FileNotFoundError if there is none.

    Scripts have no version: modules import each other by plain name, and two URLs would be two modules.
    """
    if path.endswith(".js") and (FOLDER / path).exists():
        return f"/static/{path}"
    digest = hashlib.sha256((FOLDER / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={digest}"


def served(path: Path) -> bytes:
    """What is sent for a script or style."""
    return _smaller(path, path.stat().st_mtime_ns)


@lru_cache(256)
def _smaller(path: Path, changed: int) -> bytes:
    smaller, _ = SMALLER[path.suffix]
    return smaller(path.read_text(encoding="utf-8")).encode()  # type: ignore[no-any-return]


class Assets(StaticFiles):
    """Serves the folder: for good where the URL carries a version, else revalidated by ETag."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        found = FOLDER / path
        if response.status_code == 200 and found.suffix in SMALLER:
            response = _answer(found, Headers(scope=scope))
        versioned = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
        return response


def _answer(found: Path, asked: Headers) -> Response:
    body = served(found)
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    response = Response(body, media_type=SMALLER[found.suffix][1], headers={"ETag": tag})
    if tag in [known.strip().removeprefix("W/") for known in asked.get("if-none-match", "").split(",")]:
        return NotModifiedResponse(response.headers)
    return response
