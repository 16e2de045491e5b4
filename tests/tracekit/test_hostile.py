"""Nothing of ours reaches the user, whatever the user's values and exceptions do."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit import add_event, guard, otlp, pipeline, set_attribute, span, traced


class Hostile:
    """Raises from every method that somebody looking at it might call."""

    def _raise(self, *args: Any) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __len__ = __iter__ = __hash__ = __eq__ = __bool__ = __format__ = _raise  # type: ignore[assignment]
    __float__ = __int__ = __index__ = __bytes__ = _raise


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("hostile")

    __repr__ = __str__


class HostileMapping(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("hostile")


hostile = (
    st.builds(Hostile)
    | st.builds(HostileMapping)
    | st.builds(lambda: 10**5000)
    | st.builds(lambda: "x" * 10**6)
)
anything = st.recursive(
    hostile | st.none() | st.text() | st.binary() | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)
keys = st.text(max_size=5) | st.integers() | st.none()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys, anything)
def test_any_attribute_is_taken(recorded: Any, key: Any, value: Any) -> None:
    with span("s", attributes={"first": value}) as current:
        current.set_attribute(key, value)
        current.set_attributes({"other": value})
        set_attribute("mine", value)
        add_event(key, {"value": value})
        add_event("broken", HostileMapping())
        current.set_status(value, value)
    assert recorded.all[-1].end


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([HostileError, ValueError, KeyboardInterrupt, SystemExit, StopIteration]), anything)
def test_any_exception_arrives_as_it_was_raised(recorded: Any, kind: Any, argument: Any) -> None:
    error = kind(argument)

    @traced
    def failing() -> None:
        raise error

    with pytest.raises(BaseException) as caught:
        failing()
    assert caught.value is error and error.__cause__ is None and error.__context__ is None


@pytest.mark.parametrize("arguments", [(Hostile(),), (Hostile(), Hostile()), (HostileMapping(), Hostile())])
def test_any_argument_is_passed_on(recorded: Any, arguments: tuple[Any, ...]) -> None:
    received = _call(arguments)
    assert all(one is other for one, other in zip(received, arguments, strict=True))


def _call(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    @traced(handler=True)
    def handler(*args: Any) -> tuple[Any, ...]:
        return args

    return handler(*arguments)


def test_our_own_failures_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    guard._said.clear()
    for _ in range(3):
        guard.report(HostileError(), "here")
    assert capsys.readouterr().err == "tracekit: here: HostileError\n"


class Cyclic(list[Any]):
    def __init__(self) -> None:
        self.append(self)


class Lying(str):
    def __len__(self) -> int:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __hash__ = __eq__ = encode = __len__  # type: ignore[assignment]


def nested(numbers: random.Random, depth: int = 0) -> Any:
    """A value nobody would set, of any kind."""
    kind = numbers.randrange(16 if depth < 6 else 12)
    if kind < 12:
        return (
            Hostile(), HostileMapping(), HostileError(), Cyclic(), Lying("x"), None, numbers.getrandbits(100),
            -(1 << 63) - 1, float("nan"), "\ud800" * numbers.randrange(4), b"\xff" * numbers.randrange(2000),
            object,
        )[kind]  # fmt: skip
    parts = [nested(numbers, depth + 1) for _ in range(numbers.randrange(4))]
    return (parts, tuple(parts), dict(enumerate(parts)), iter(parts))[kind - 12]


@pytest.mark.parametrize("chunk", range(10))
def test_ten_thousand_attributes_and_exceptions_and_none_of_ours_reaches_the_user(
    recorded: Any, chunk: int, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = random.Random(chunk)
    kinds = (HostileError, ValueError, KeyError, StopIteration, OSError, RecursionError, UnicodeError)
    failures = guard.failures

    @traced
    def failing(error: BaseException) -> None:
        set_attribute(nested(numbers), nested(numbers))
        raise error

    for number in range(10_000):
        error = kinds[number % len(kinds)](nested(numbers))
        try:
            if number % 4:
                with span("s", attributes={"a": nested(numbers)}) as current:
                    current.set_attribute("key", nested(numbers))
                    raise error
            else:
                failing(error)
        except BaseException as caught:
            if caught is not error:
                raise
        if number % 500 == 0:
            pipeline.get().flush(budget_s=30, force=True)  # a delivery that runs would be waited for in vain
            for one in recorded.exporter.spans:
                otlp.encode_span(one)
            recorded.exporter.spans.clear()
    assert guard.failures == failures, capsys.readouterr().err
