"""Bodies of changes, read within a limit."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

MAX_BODY_BYTES = 64 * 1024
MAX_FIELDS = 100


async def body(request: Request) -> bytes:
    """The whole body. 413 beyond MAX_BODY_BYTES, without reading on."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, f"more than {MAX_BODY_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


async def form_fields(request: Request) -> dict[str, str]:
    """An urlencoded form; the last of equal names counts. 400 if it is none."""
    try:
        text = (await body(request)).decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None


async def json_body(request: Request) -> Any:
    """Decoded JSON. 400 if it is none; NaN and Infinity are none."""
    try:
        return json.loads(await body(request), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {str(error)[:200]}") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
