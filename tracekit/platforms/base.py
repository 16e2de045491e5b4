"""What a platform adapter finds out about a call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tracekit.invocation import Invocation
    from tracekit.triggers.base import Trigger


class Facts:
    """One call as its platform tells it; `unseen` if it turns out to be none.

    `event` goes to the trigger detectors unless the adapter sets `trigger` itself. `carrier` holds the
    platform's own trace fields. `args` are what the handler gets, possibly with a wrapper of ours in them.
    `goes_on(result, call)` is for calls that are not over when they return: it gives what the platform gets
    instead of the result and calls `call.finish()` when it is really over, or gives None if it is over now.
    """

    __slots__ = (
        "args",
        "attributes",
        "carrier",
        "event",
        "flushed_by_runtime",
        "function",
        "goes_on",
        "invocation_id",
        "is_initializer",
        "resource_id",
        "trigger",
        "unseen",
    )

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args
        self.event: Any = None
        self.function: str | None = None
        self.invocation_id: str | None = None
        self.resource_id: str | None = None
        self.attributes: dict[str, Any] = {}
        self.carrier: Mapping[str, Any] | None = None
        self.trigger: Trigger | None = None
        self.is_initializer = False
        self.unseen = False
        self.goes_on: Callable[[Any, Invocation], Any] | None = None
        self.flushed_by_runtime = False


def text(value: Any) -> str | None:
    """A context's field as text; None for nothing."""
    return str(value) if value not in (None, "") else None
