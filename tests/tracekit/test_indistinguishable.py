"""A wrapped callable and the plain one cannot be told apart by what they do.

Generated programs run twice, once traced and once not, and must leave the same history: what was received,
yielded, returned and raised, in which order.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gc
import inspect
import traceback
import typing
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit import span, traced

bounded = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ERRORS = (ValueError, KeyError, GeneratorExit, StopIteration, StopAsyncIteration, KeyboardInterrupt)
# What a body does at each step, and what it does with an exception thrown in there.
step = st.tuples(
    st.sampled_from(["yield", "raise", "return"]), st.integers(0, 5), st.sampled_from(["pass", "eat", "turn"])
)
program = st.lists(step, max_size=5)
action = st.tuples(st.sampled_from(["next", "send", "throw", "close"]), st.sampled_from(ERRORS))
actions = st.lists(action, max_size=6)


class Body:
    """A generated body and its history."""

    def __init__(self, program: list[tuple[str, int, str]]) -> None:
        self.program = program
        self.history: list[Any] = []

    def thrown(self, error: BaseException, answer: str) -> None:
        self.history.append(("thrown", type(error)))
        if answer == "turn":
            raise LookupError("turned") from error
        if answer == "pass":
            raise error

    def generator(self) -> Generator[int, Any, int]:
        try:
            for what, value, answer in self.program:
                if what == "raise":
                    raise ERRORS[value]
                if what == "return":
                    return value
                try:
                    self.history.append((yield value))
                except BaseException as error:
                    self.thrown(error, answer)
        finally:
            self.history.append("cleaned")
        return -1

    async def async_generator(self) -> AsyncIterator[int]:
        try:
            for what, value, answer in self.program:
                await asyncio.sleep(0)
                if what == "raise":
                    raise ERRORS[value]
                if what == "return":
                    return
                try:
                    self.history.append((yield value))
                except BaseException as error:
                    self.thrown(error, answer)
        finally:
            await asyncio.sleep(0)
            self.history.append("cleaned")


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except BaseException as error:
        return type(error), str(error), getattr(error, "value", None), type(error.__cause__)


def drive(body: Body, function: Any, actions: list[tuple[str, Any]]) -> list[Any]:
    iterator = function()
    seen = []
    for name, kind in actions:
        call = {
            "next": lambda: next(iterator),
            "send": lambda: iterator.send("sent"),
            "throw": lambda kind=kind: iterator.throw(kind("thrown")),
            "close": lambda: iterator.close(),
        }[name]
        seen.append(outcome(call))
    iterator.close()
    return [*seen, *body.history]


async def async_drive(body: Body, function: Any, actions: list[tuple[str, Any]]) -> list[Any]:
    iterator = function()
    seen: list[Any] = []
    for name, kind in actions:
        call = {
            "next": lambda: iterator.__anext__(),
            "send": lambda: iterator.asend("sent"),
            "throw": lambda kind=kind: iterator.athrow(kind("thrown")),
            "close": lambda: iterator.aclose(),
        }[name]
        try:
            seen.append(await call())
        except BaseException as error:
            seen.append((type(error), str(error), type(error.__cause__)))
    try:
        await iterator.aclose()
    except RuntimeError as error:
        seen.append(str(error))
    return [*seen, *body.history]


@bounded
@given(program, actions)
def test_a_generator_answers_every_protocol_call_alike(recorded: Any, program: Any, actions: Any) -> None:
    plain, wrapped = Body(program), Body(program)
    expected = outcome(lambda: drive(plain, plain.generator, actions))
    assert outcome(lambda: drive(wrapped, traced(wrapped.generator), actions)) == expected
    with span("outer"):
        again = Body(program)
        assert outcome(lambda: drive(again, traced(again.generator), actions)) == expected


# A body that yields once more when it is closed is complained about by asyncio, traced or not.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@bounded
@given(program, actions)
def test_an_async_generator_answers_every_protocol_call_alike(
    recorded: Any, program: Any, actions: Any
) -> None:
    plain, wrapped = Body(program), Body(program)
    expected = outcome(lambda: asyncio.run(async_drive(plain, plain.async_generator, actions)))
    assert (
        outcome(lambda: asyncio.run(async_drive(wrapped, traced(wrapped.async_generator), actions)))
        == expected
    )


def annotated(a: int, /, b: str = "x", *rest: float, key: bool, **more: list[int]) -> dict[str, int]:
    """Documented."""
    return {"a": a, "b": len(b), "rest": len(rest), "key": key, "more": len(more)}


async def annotated_coroutine(a: int, *, key: str = "k") -> str:
    """Documented."""
    return f"{a}{key}"


def annotated_generator(a: int) -> Generator[int, None, None]:
    """Documented."""
    yield a


async def annotated_async_generator(a: int) -> AsyncIterator[int]:
    """Documented."""
    yield a


ALL = [annotated, annotated_coroutine, annotated_generator, annotated_async_generator]


@pytest.mark.parametrize("function", ALL)
def test_looking_at_it_shows_nothing(function: Any) -> None:
    wrapped = traced(function)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert typing.get_type_hints(wrapped) == typing.get_type_hints(function)
    assert inspect.getdoc(wrapped) == "Documented." and inspect.unwrap(wrapped) is function
    assert inspect.getsource(wrapped) == inspect.getsource(function)
    assert wrapped.__defaults__ == function.__defaults__ or inspect.signature(wrapped)
    for question in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        assert question(wrapped) == question(function)
        assert question(functools.partial(wrapped, 1)) == question(functools.partial(function, 1))
    assert copy.copy(wrapped) is wrapped


arguments = st.lists(st.integers(), max_size=4)
keywords = st.dictionaries(st.sampled_from(["a", "b", "key", "other"]), st.integers(), max_size=3)


@bounded
@given(arguments, keywords)
def test_wrong_arguments_are_refused_in_pythons_own_words(recorded: Any, args: Any, kwargs: Any) -> None:
    assert outcome(lambda: traced(annotated)(*args, **kwargs)) == outcome(lambda: annotated(*args, **kwargs))


async def late_coroutine(a: int, /, b: int = 2, *, key: int = 3) -> Any:
    return (lambda: (a, b, key))()  # a parameter in a closure is kept elsewhere in the code object


def late_generator(a: int, b: int, *rest: int, key: int) -> Any:
    yield (lambda: (a, b, rest, key))()


async def late_async_generator(a: int, b: int = 2, **more: int) -> Any:
    yield (lambda: (a, b, more))()


class Methods:
    @traced
    async def method(self, a: int, b: int = 2) -> Any:
        return a, b

    @traced
    @classmethod
    async def of_the_class(cls, a: int, b: int = 2) -> Any:
        return a, b


async def finished(made: Any) -> Any:
    if hasattr(made, "__await__"):
        return await made
    return [item async for item in made] if hasattr(made, "__aiter__") else list(made)


@bounded
@given(
    st.sampled_from([late_coroutine, late_generator, late_async_generator]),
    arguments,
    keywords,
    st.booleans(),
)
def test_wrong_arguments_are_refused_at_the_call_even_where_the_body_runs_later(
    recorded: Any, function: Any, args: Any, kwargs: Any, below: bool
) -> None:
    def result(function: Any) -> Any:
        made = function(*args, **kwargs)  # wrong arguments end it here
        assert (made.__name__, made.__qualname__) == (function.__name__, function.__qualname__)
        return type(made), asyncio.run(finished(made))

    with span("outer") if below else contextlib.nullcontext():
        assert outcome(lambda: result(traced(function))) == outcome(lambda: result(function))


@pytest.mark.parametrize("name", ["method", "of_the_class"])
def test_methods_refuse_arguments_at_the_call_too(recorded: Any, name: str) -> None:
    bound = getattr(Methods(), name)
    with pytest.raises(
        TypeError, match=rf"^Methods\.{name}\(\) missing 1 required positional argument: 'a'$"
    ):
        bound()
    assert asyncio.run(bound(1)) == (1, 2)


def test_a_refusal_has_one_frame_of_ours(recorded: Any) -> None:
    with pytest.raises(TypeError) as caught:
        traced(late_coroutine)()
    assert len(traceback.extract_tb(caught.value.__traceback__)) == 2
    assert recorded.all == [], "what was never called has no span"


def test_a_coroutine_nobody_awaits_is_complained_about_once(recorded: Any) -> None:
    with pytest.warns(RuntimeWarning, match="coroutine 'late_coroutine' was never awaited") as complaints:
        traced(late_coroutine)(1)
        gc.collect()
    assert len(complaints) == 1


@bounded
@given(
    st.integers(1, 6), st.sampled_from([ValueError, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
)
def test_an_exception_keeps_its_identity_and_the_users_frames(recorded: Any, depth: int, kind: Any) -> None:
    error = kind("mine")

    def dig(left: int) -> None:
        if not left:
            raise error
        dig(left - 1)

    def frames(function: Any) -> list[tuple[str, int]]:
        error.__traceback__ = None
        with pytest.raises(BaseException) as caught:
            function(depth)
        assert caught.value is error and error.__context__ is None and error.__cause__ is None
        return [(entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__)][
            -depth - 1 :
        ]

    assert frames(traced(dig)) == frames(dig)
