"""Ids as queries give them: checked before an engine sees them."""

from __future__ import annotations

import re

from collector.storage.base import InvalidQuery

_TRACE_ID = re.compile(r"[0-9a-f]{32}\Z")
_SPAN_ID = re.compile(r"[0-9a-f]{16}\Z")


def check_trace_id(text: str) -> None:
    """InvalidQuery if it is not one."""
    if not _TRACE_ID.match(text):
        raise InvalidQuery("a trace id is 32 lower-case hexadecimal digits")


def check_span_id(text: str) -> None:
    """InvalidQuery if it is not one."""
    if not _SPAN_ID.match(text):
        raise InvalidQuery("a span id is 16 lower-case hexadecimal digits")
