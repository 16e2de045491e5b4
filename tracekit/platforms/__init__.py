"""Who is calling? One of FIRST, or of all the others that tracekit.platforms.registry lists.

An adapter has `describe(args, kwargs, env) -> Facts` and is loaded when its test says yes.
"""

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
    `answering_since` is when the head of the answer was given (Unix nanoseconds), where that is seen.
    """

    __slots__ = (
        "answering_since",
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
        self.answering_since = 0


def text(value: Any) -> str | None:
    """A context's field as text; None for nothing."""
    return str(value) if value not in (None, "") else None


def _is_lambda(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return len(args) >= 2 and hasattr(args[-1], "aws_request_id")


def _is_fc(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    if not args or not hasattr(args[-1], "request_id"):
        return False
    return hasattr(getattr(args[-1], "function", None), "name")


# Those whose cold starts need not wait for the tests of all others (tracekit.platforms.registry).
FIRST: tuple[tuple[str, Callable[[tuple[Any, ...], Mapping[str, Any]], bool]], ...] = (
    ("aws_lambda", _is_lambda),
    ("fc", _is_fc),
)


def recognise(
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    env: Mapping[str, str],
    is_handler: bool,
    name: str | None = None,
) -> Facts | None:
    """What the platform says about this call; None if no platform makes it.

    `is_handler`: the user says it is a handler, so the generic adapter takes what nobody else does.
    """
    if name is None:
        name = next((first for first, matches in FIRST if matches(args, kwargs)), None)
    if name is None:
        # By name: it begins with those of this module.
        registry = __import__("tracekit.platforms.registry", fromlist=("whose",))
        name = registry.whose(args, kwargs) or ("generic" if is_handler else None)
    return None if name is None else _describe(name, args, kwargs, env)


def _describe(
    module: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str]
) -> Facts | None:
    adapter = __import__(f"tracekit.platforms.{module}", fromlist=("describe",))
    facts: Facts | None = adapter.describe(args, kwargs, env)
    return facts
