"""A request of logs or metrics, scope by scope: what sent it, what measured, and its messages as bytes.

Of a large value there would be a copy at every level it lies in, if each were kept while the next is read: a
message is given up as soon as its parts are taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from collector.decode.builder import KnownResource, KnownScope
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


Group = tuple[KnownResource, KnownScope, list[bytes]]


def walk(levels: Levels, body: bytes, tally: Tally) -> Iterator[Group]:
    """The messages of each scope, the first one last: `pop` them, so that none is kept while it is read.

    Raises DecodeError, or TooLarge before too many groups are read.
    """
    groups = last_first(getattr(levels.request.FromString(body), levels.groups))
    del body
    tally.expect_groups(len(groups))
    while groups:
        sent_by, scopes = _group(levels, groups.pop())
        tally.expect_groups(len(scopes))
        while scopes:
            yield sent_by, *_scope(levels, scopes.pop())


def _group(levels: Levels, raw: bytes) -> tuple[KnownResource, list[bytes]]:
    message = levels.group.FromString(raw)
    return resource(message.resource, message.schema_url), last_first(getattr(message, levels.scopes))


def _scope(levels: Levels, raw: bytes) -> tuple[KnownScope, list[bytes]]:
    message = levels.scope.FromString(raw)
    return scope(message.scope, message.schema_url), last_first(getattr(message, levels.messages))


def last_first(messages: Sequence[bytes]) -> list[bytes]:
    """What is popped comes in the order in which it was sent."""
    found = list(messages)
    found.reverse()
    return found
