"""Page cursors: where the last page ended, readable only by us, checked before it is believed."""

from __future__ import annotations

import base64
import binascii
import json
import re

from collector.storage.base import InvalidQuery

_TRACE_ID = re.compile(r"[0-9a-f]{32}\Z")


def encode(sort: str, key: int, trace_id: str) -> str:
    """`key` is the sort key of the last trace of the page; `trace_id` breaks ties."""
    return base64.urlsafe_b64encode(json.dumps([sort, key, trace_id]).encode()).decode().rstrip("=")


def decode(cursor: str, sort: str) -> tuple[int, str]:
    """(key, trace_id), or InvalidQuery for anything `encode` did not write for this sort."""
    try:
        read_sort, key, trace_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidQuery("this page link is damaged: start again from the first page") from error
    if type(key) is not int or abs(key) >= 2**63 or not isinstance(trace_id, str):
        raise InvalidQuery("this page link is damaged: start again from the first page")
    if read_sort != sort or not _TRACE_ID.match(trace_id):
        raise InvalidQuery("this page link belongs to another sort order: start again from the first page")
    return key, trace_id
