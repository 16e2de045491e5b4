"""`@traced` for callables whose body runs after the call: coroutine functions, (async) generators."""

from __future__ import annotations

from time import time_ns

from tracekit import decorator
from tracekit.context import attach, get, release
from tracekit.decorator import ASYNC_GENERATOR, COROUTINE, LATE, dress
from tracekit.queue import QUEUE
from tracekit.span import NonRecordingSpan, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from typing import Any

    from tracekit.decorator import Callee

_VARIABLE = 0x04 | 0x08  # code flags: takes *args, **kwargs
add = QUEUE.add


def wrap(function: Any, callee: Callee, flags: int) -> Any:
    """The wrapper of a callable with these code flags."""
    if flags & ASYNC_GENERATOR:
        made = _async_generator(function, callee)
    else:
        made = (_coroutine if flags & COROUTINE else _generator)(function, callee)
    made = dress(made, function)
    return dress(_refusing(made, function), function) if type(function) is _Function else made


def _refusing(run: Any, function: Any) -> Any:
    """A wrapper that refuses wrong arguments when it is called, in Python's words for the plain callable.

    `run`, whose body starts later, takes any. So a function with the plain one's parameters and no body is
    called first. The wrapper is an ordinary function that is marked as what it gives back, as
    types.coroutine marks generators: that is what asyncio and frameworks look at.
    """
    check = _bodiless(function)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check(*args, **kwargs)
        return run(*args, **kwargs)

    code = wrapper.__code__
    wrapper.__code__ = code.replace(co_flags=code.co_flags | function.__code__.co_flags & LATE)
    return wrapper


def _nothing() -> None:
    return


_Function: Any = type(_nothing)


def _bodiless(function: Any) -> Any:
    """A function that takes what the given one takes, and does nothing."""
    code, nothing = function.__code__, _nothing.__code__
    count = code.co_argcount + code.co_kwonlyargcount + (code.co_flags & _VARIABLE).bit_count()
    bare = nothing.replace(
        co_argcount=code.co_argcount,
        co_posonlyargcount=code.co_posonlyargcount,
        co_kwonlyargcount=code.co_kwonlyargcount,
        co_varnames=code.co_varnames[:count],
        co_nlocals=count,
        co_flags=nothing.co_flags | code.co_flags & _VARIABLE,
    )
    check = _Function(bare, {}, function.__name__, function.__defaults__)
    check.__kwdefaults__ = function.__kwdefaults__
    check.__qualname__ = function.__qualname__
    return check


def _coroutine(function: Any, callee: Callee) -> Any:
    name, kind, copy = callee.name, callee.kind, callee.copy_attributes

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        parent = get()
        if type(parent) is not Span:
            if type(parent) is NonRecordingSpan:
                return await function(*args, **kwargs)
            return await _root_await(function, callee, args, kwargs)
        span = Span(name, kind, parent, parent.trace, time_ns(), copy and copy())
        token = attach(span)
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            span.end = time_ns()
            release(token)
            add(span)

    return wrapper


async def _root_await(function: Any, callee: Callee, args: Any, kwargs: Any) -> Any:
    root = decorator.enter(callee, args, kwargs)
    try:
        token = attach(root.span)
        try:
            result = await function(*root.args, **kwargs)
        finally:
            release(token)
    except BaseException as error:
        root.failed(error)
        raise
    else:
        return root.returned(result)
    finally:
        root.close()


def _generator(function: Any, callee: Callee) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if type(get()) is NonRecordingSpan:
            return (yield from function(*args, **kwargs))
        root = decorator.enter(callee, args, kwargs)
        try:
            body = function(*root.args, **kwargs)
            item = _step(root.span, body.__next__)
            while True:
                try:
                    received = yield item
                except BaseException as error:
                    # GeneratorExit too: a body that answers it with a yield does so under either name.
                    item = _step(root.span, body.throw, error)
                else:
                    item = _step(root.span, body.send, received)
        except StopIteration as stop:
            # Only the body's own end can arrive here: inside a generator others become RuntimeError.
            return root.returned(stop.value)
        except BaseException as error:
            root.failed(error)
            raise
        finally:
            root.close()

    return wrapper


def _step(span: Any, advance: Any, *value: Any) -> Any:
    """Runs a generator's body to its next yield with the span active, and not a moment longer."""
    token = attach(span)
    try:
        return advance(*value)
    finally:
        release(token)


def _async_generator(function: Any, callee: Callee) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        root = decorator.enter(callee, args, kwargs)
        try:
            body = function(*root.args, **kwargs)
            item = await _async_step(root.span, body.__anext__)
            while True:
                try:
                    received = yield item
                except BaseException as error:
                    item = await _async_step(root.span, body.athrow, error)
                    if body.ag_frame is None:
                        # An event loop that ends closes both generators in any order, and `athrow` into one
                        # that is closed gives None, which is no item.
                        raise
                else:
                    item = await _async_step(root.span, body.asend, received)
        except StopAsyncIteration:
            return
        except BaseException as error:
            root.failed(error)
            raise
        finally:
            root.close()

    return wrapper


async def _async_step(span: Any, advance: Any, *value: Any) -> Any:
    token = attach(span)
    try:
        return await advance(*value)
    finally:
        release(token)
