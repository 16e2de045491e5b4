"""Payloads and local variables as senders keep them: JSON text in attributes, laid out for reading.

Anybody may send these attributes with anything in them: what is not of their form stays as it came.
"""

from __future__ import annotations

import json
from typing import Any

# The attribute of an exception event that holds the variables of its frames.
LOCALS = "tracekit.exception.locals"

# Beyond this nobody reads on, and laying out must stay instant.
LONGEST = 100_000


def payload_title(key: str) -> str:
    """A heading for an attribute: "Request payload" for tracekit.request.payload, the key for others."""
    words = key.removeprefix("tracekit.").split(".")
    return " ".join(words).capitalize() if key.startswith("tracekit.") else key


def laid_out(text: str) -> str:
    """JSON objects and arrays broken into lines; any other text unchanged."""
    if len(text) > LONGEST or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def frame_locals(written: Any) -> list[dict[str, str]]:
    """The frames of `tracekit.exception.locals` (docs/sdk.md): where each was, and its variables line by
    line. [] where the attribute is of another form."""
    try:
        frames = json.loads(written) if isinstance(written, str) and len(written) <= LONGEST else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(frames, list):
        return []
    return [_frame(frame) for frame in frames if isinstance(frame, dict) and _variables(frame)]


def _frame(frame: dict[str, Any]) -> dict[str, str]:
    lines = [
        f"{name} = {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in _variables(frame).items()
    ]
    where = f"{frame.get('file', '?')}:{frame.get('line', '?')}"
    return {"title": f"Variables of {frame.get('function', '?')} ({where})", "text": "\n".join(lines)}


def _variables(frame: dict[str, Any]) -> dict[str, Any]:
    found = frame.get("locals")
    return found if isinstance(found, dict) else {}
