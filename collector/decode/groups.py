"""A request of logs or metrics, scope by scope: what sent it, what measured, and its messages as bytes.

A message is given up as soon as its parts are taken out of it: they may be copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from collector.decode.builder import KnownResource, KnownScope
from collector.decode.inplace import Bytes, read
from collector.decode.parts import resource, scope
from collector.decode.tally import Tally


class Levels(NamedTuple):
    """Messages (of collector.decode.wire) from the request down to a scope, and what each has many of."""

    request: Any
    groups: str
    group: Any
    scopes: str
    scope: Any
    messages: str


Group = tuple[KnownResource, KnownScope, list[Bytes]]


def walk(levels: Levels, body: bytes, tally: Tally) -> Iterator[Group]:
    """The messages of each scope, the first one last: `pop` them, so that none is kept while it is read.

    Raises DecodeError, or TooLarge before too many groups are read.
    """
    groups = last_first(getattr(read(levels.request, body), levels.groups))
    del body
    tally.expect_groups(len(groups))
    while groups:
        sent_by, scopes = _group(levels, groups.pop())
        tally.expect_groups(len(scopes))
        while scopes:
            yield sent_by, *_scope(levels, scopes.pop())


def _group(levels: Levels, raw: Bytes) -> tuple[KnownResource, list[Bytes]]:
    message = read(levels.group, raw)
    return resource(message.resource, message.schema_url), last_first(getattr(message, levels.scopes))


def _scope(levels: Levels, raw: Bytes) -> tuple[KnownScope, list[Bytes]]:
    message = read(levels.scope, raw)
    return scope(message.scope, message.schema_url), last_first(getattr(message, levels.messages))


def last_first(messages: Sequence[Bytes]) -> list[Bytes]:
    """What is popped comes in the order in which it was sent."""
    found = list(messages)
    found.reverse()
    return found
