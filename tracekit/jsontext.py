"""JSON without the json package, which costs milliseconds of a cold start (it pulls in `re`).

The interpreter's own C scanner does the work; json does where there is none, or when it is loaded anyway.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def loads(text: str | bytes) -> Any:
    """The value a JSON document holds. Raises ValueError for anything that is not one."""
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    if "json" not in sys.modules:
        try:
            from _json import make_scanner
        except ImportError:
            pass
        else:
            return _scan(make_scanner, text)
    import json

    return json.loads(text)


def _scan(make_scanner: Any, text: str) -> Any:
    text = text.strip(" \t\r\n")
    try:
        value, end = make_scanner(_Options)(text, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("more than one JSON document")
    return value


class _Options:
    """What the C scanner reads from a JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
