"""`@traced`: a span around every call, and the call's own behaviour exactly as it was.

Wrappers of the four kinds of callables differ only in how they run the body; three of them are in
tracekit.coroutines, for whoever has such. Their first lines are the hot path: below a recorded span it must
cost well under a microsecond, below an unsampled one next to nothing.

What knows about calls (tracekit.invocation) is loaded by the first one, because a module with decorated
functions may be imported by processes that never call them; or right after the function, by a platform's
instance: it is there to be called, its init may run faster than its calls, before anybody waits, or be kept
as a snapshot.
"""

from __future__ import annotations

import os
import sys
from time import time_ns

from tracekit import config, undisturbed, watch
from tracekit.context import attach, detach, get
from tracekit.guard import report
from tracekit.lifecycle import LIFECYCLE, initialization_type, module_of
from tracekit.queue import QUEUE
from tracekit.span import INTERNAL, KINDS, NO_SPAN, NonRecordingSpan, Span
from tracekit.values import clean_mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])
else:

    def overload(function):
        return function  # typing, where it comes from, is not for the cold start


# Code flags, see the inspect module's table.
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200
LATE = (
    GENERATOR | COROUTINE | ASYNC_GENERATOR
)  # callables whose body runs after the call: tracekit.coroutines
_MARK = "__tracekit__"
# Variables of which an instance has one, and the adapter that its calls need.
_INSTANCES = (
    ("AWS_LAMBDA_FUNCTION_NAME", "aws_lambda"),
    ("FC_FUNC_CODE_PATH", "fc"),
    ("FUNCTION_TARGET", "functions_framework"),
)
add = QUEUE.add


class Callee:
    """What is known about a traced callable when it is decorated."""

    __slots__ = ("copy_attributes", "handler", "kind", "name", "platform")

    def __init__(
        self,
        name: str,
        kind: int = INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        handler: bool | None = None,
        platform: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        cleaned, _ = clean_mapping(attributes)
        # Each span gets its own dict; None where there is nothing to copy.
        self.copy_attributes: Callable[[], dict[str, Any]] | None = cleaned.copy if cleaned else None
        self.handler = handler
        self.platform = platform


def _untraced(args: tuple[Any, ...]) -> Any:
    """Stands for tracekit.invocation's Root where that cannot be loaded: the user's call goes on."""
    Namespace: Any = type(sys.implementation)
    return Namespace(
        span=NO_SPAN,
        args=args,
        returned=lambda result: result,
        failed=lambda error: None,
        close=lambda: None,
    )


def _load_and_enter(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    global enter
    try:
        enter = undisturbed(__import__, "tracekit.invocation", None, None, ("enter",)).enter
    except Exception as error:  # the package's files may be gone by now (chroot, a replaced deployment)
        report(error, "loading tracekit")
        return _untraced(args)
    return enter(callee, args, kwargs)


# tracekit.invocation's, which takes this one's place at the first call. Never raises.
enter: Callable[[Callee, tuple[Any, ...], dict[str, Any]], Any] = _load_and_enter


@overload
def traced(function: F) -> F: ...
@overload
def traced(  # noqa: F811
    function: None = None,
    *,
    name: str | None = None,
    kind: str = "internal",
    attributes: Mapping[str, Any] | None = None,
    handler: bool | None = None,
) -> Callable[[F], F]: ...
def traced(  # noqa: F811
    function: Any = None,
    *,
    name: str | None = None,
    kind: str = "internal",
    attributes: Mapping[str, Any] | None = None,
    handler: bool | None = None,
) -> Any:
    """Records a span for every call of a function, method, coroutine function or generator.

    A call that a platform makes (recognised by its arguments) becomes an invocation span instead, with the
    trigger's attributes; `handler=True` says so for a plain handler(event, context), `handler=False` never.
    `kind` is one of internal, client, server, producer, consumer. `attributes` are set on every span.
    """
    if function is None:
        return lambda function: traced(function, name=name, kind=kind, attributes=attributes, handler=handler)
    try:
        return _wrap(function, name, kind, attributes, handler)
    except Exception as error:
        report(error, "traced")
        return function


def handler(function: F, *, platform: str | None = None, initializer: Callable[..., Any] | None = None) -> F:
    """Wraps a handler that may or may not be traced already, for runtimes and zero-code start.

    `platform` names the adapter to use instead of recognising it by the arguments. `initializer` is called
    as an initializer phase before this returns.
    """
    if initializer is not None:
        from tracekit.hooks import run_initializer

        run_initializer(initializer, ())
    callee = getattr(function, _MARK, None)
    if isinstance(callee, Callee):
        # Traced by its author already, who did not have to say that it is the handler: now we know.
        callee.handler = True if callee.handler is None else callee.handler
        callee.platform = callee.platform or platform
        return function
    wrapped: F = _wrap(function, None, "internal", None, True, platform)
    _get_ready()
    return wrapped


def is_traced(function: object) -> bool:
    """Whether `traced` made this callable."""
    return isinstance(getattr(function, _MARK, None), Callee)


def _wrap(
    function: Any,
    name: str | None,
    kind: str,
    attributes: Mapping[str, Any] | None,
    handler: bool | None,
    platform: str | None = None,
) -> Any:
    settings = config.get()
    if settings.disabled or is_traced(function):
        return function
    if settings.logs or settings.stdout:
        watch.output(settings)
    if isinstance(function, (staticmethod, classmethod)):
        inner = _wrap(function.__func__, name, kind, attributes, handler, platform)
        return type(function)(inner)
    if isinstance(function, type) or not callable(function):
        report(TypeError(f"{function!r} is no function; decorate its methods instead"), "traced")
        return function
    callee = Callee(name or _name_of(function), KINDS.get(kind, INTERNAL), attributes, handler, platform)
    # An object that is called (an ASGI application) is what its class's __call__ is.
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    flags = code.co_flags if code is not None else 0
    if flags & LATE:
        # By name: it needs this module, which most functions do not need it for.
        coroutines = __import__("tracekit.coroutines", fromlist=("wrap",))
        wrapper = coroutines.wrap(function, callee, flags)
    else:
        wrapper = dress(_function(function, callee), function)
    setattr(wrapper, _MARK, callee)
    module = module_of(function)
    LIFECYCLE.decorated(module)
    watch.when_imported(module, _get_ready)
    return wrapper


def _get_ready(module: str = "") -> None:
    """The function is loaded. Never raises."""
    try:
        for variable, adapter in _INSTANCES:
            if variable in os.environ:
                undisturbed(_load, adapter)
                return
    except Exception as error:
        report(error, "getting ready")


def _load(adapter: str) -> None:
    from tracekit import invocation

    invocation.get_ready(adapter)


def _name_of(function: Any) -> str:
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    return str(name or type(function).__qualname__).replace("<locals>.", "")


def dress(wrapper: Any, function: Any) -> Any:
    """What functools.wraps does, without importing functools."""
    for attribute in (
        "__module__",
        "__name__",
        "__qualname__",
        "__doc__",
        "__annotations__",
        "__type_params__",
    ):
        try:
            setattr(wrapper, attribute, getattr(function, attribute))
        except AttributeError:
            continue
    wrapper.__dict__.update(getattr(function, "__dict__", {}))
    wrapper.__wrapped__ = function
    return wrapper


def _function(function: Any, callee: Callee) -> Any:
    name, kind, copy = callee.name, callee.kind, callee.copy_attributes

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        parent = get()
        if type(parent) is not Span:
            if type(parent) is NonRecordingSpan:
                return function(*args, **kwargs)
            return _root_call(function, callee, args, kwargs)
        span = Span(name, kind, parent, parent.trace, time_ns(), copy and copy())
        token = attach(span)
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            span.end = time_ns()
            detach(token)
            add(span)

    return wrapper


def _root_call(function: Any, callee: Callee, args: Any, kwargs: Any) -> Any:
    root = enter(callee, args, kwargs)
    try:
        token = attach(root.span)
        try:
            result = function(*root.args, **kwargs)
        finally:
            detach(token)
    except BaseException as error:
        root.failed(error)
        raise
    else:
        return root.returned(result)
    finally:
        root.close()


# Whoever opens spans of ours may open some of opentelemetry too, before or after.
watch.opentelemetry()
if initialization_type(os.environ) == "snap-start":
    __import__("tracekit.platforms.snapstart", fromlist=("register",)).register()
