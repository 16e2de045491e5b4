from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import current_span, span, traced
from tracekit.span import CLIENT, ERROR, INTERNAL


def plain(a: int, *rest: int, key: str = "x", **more: Any) -> tuple[Any, ...]:
    """Its documentation."""
    return a, rest, key, more


async def coroutine(a: int) -> int:
    return a + 1


def generator(count: int) -> Generator[int, Any, str]:
    received = []
    for number in range(count):
        received.append((yield number))
    return f"got {received}"


async def async_generator(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator])
def test_a_wrapped_callable_looks_like_the_plain_one(function: Any) -> None:
    wrapped = traced(function)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
        assert getattr(wrapped, attribute) == getattr(function, attribute)
    assert inspect.signature(wrapped) == inspect.signature(function)
    for question in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isfunction,
    ):
        assert question(wrapped) == question(function)


@given(st.integers(), st.lists(st.integers()), st.dictionaries(st.sampled_from("bcd"), st.integers()))
def test_arguments_and_results_pass_unchanged(first: int, rest: list[int], more: dict[str, int]) -> None:
    assert traced(plain)(first, *rest, **more) == plain(first, *rest, **more)


def test_calls_nest_as_they_are_made(recorded: Any) -> None:
    @traced(name="inner")
    def inner() -> None: ...

    @traced(name="outer", kind="client", attributes={"a": 1})
    def outer() -> None:
        inner()

    outer()
    assert recorded.named("inner").parent is recorded.named("outer")
    assert (recorded.named("outer").kind, recorded.named("inner").kind) == (CLIENT, INTERNAL)
    assert recorded.named("outer").attributes == {"a": 1}
    assert recorded.named("inner").trace_id == recorded.named("outer").trace_id


def test_attributes_of_one_call_do_not_leak_into_the_next(recorded: Any) -> None:
    @traced(name="call", attributes={"a": 1})
    def call(key: str) -> None:
        current_span().set_attribute(key, True)

    call("b")
    call("c")
    assert [span.attributes for span in recorded.all] == [{"a": 1, "b": True}, {"a": 1, "c": True}]


def test_the_users_exception_goes_through_untouched(recorded: Any) -> None:
    error = KeyError("missing")

    @traced(name="failing")
    def failing() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        failing()
    assert caught.value is error and error.__context__ is None
    span = recorded.named("failing")
    assert span.rare.status == ERROR and span.attributes["error.type"] == "KeyError"
    [event] = span.rare.events
    assert event.attributes["exception.type"] == "KeyError"
    assert "raise error" in str(event.attributes["exception.stacktrace"])


def test_an_exception_that_cannot_be_printed_still_arrives(recorded: Any) -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @traced(name="failing")
    def failing() -> None:
        raise Unprintable

    with pytest.raises(Unprintable):
        failing()
    [event] = recorded.named("failing").rare.events
    assert event.attributes["exception.message"] == "<unprintable Unprintable>"


def test_a_generator_keeps_send_throw_and_its_return_value(recorded: Any) -> None:
    def drive(function: Any) -> list[Any]:
        seen: list[Any] = []
        iterator = function(2)
        seen.append(next(iterator))
        seen.append(iterator.send("a"))
        try:
            iterator.send("b")
        except StopIteration as stop:
            seen.append(stop.value)
        other = function(2)
        next(other)
        with pytest.raises(LookupError):
            other.throw(LookupError("thrown"))
        return seen

    assert drive(traced(generator)) == drive(generator)


def test_a_generators_context_is_attached_only_while_its_body_runs(recorded: Any) -> None:
    @traced(name="body")
    def body() -> Iterator[str]:
        yield current_span().span_id
        yield current_span().span_id

    with span("consumer") as consumer:
        for inside in body():
            assert inside != consumer.span_id
            assert current_span() is consumer
    assert recorded.named("body").parent is recorded.named("consumer")


def test_closing_a_generator_runs_its_cleanup_and_is_no_failure(recorded: Any) -> None:
    cleaned: list[str] = []

    @traced(name="body")
    def body() -> Iterator[int]:
        try:
            yield 1
        finally:
            cleaned.append(current_span().span_id)

    iterator = body()
    next(iterator)
    iterator.close()
    assert cleaned == [recorded.named("body").span_id]
    assert recorded.named("body").rare is None


def test_coroutines_nest_across_tasks(recorded: Any) -> None:
    @traced(name="child")
    async def child(number: int) -> int:
        await asyncio.sleep(0.001 * number)
        return number

    @traced(name="parent")
    async def parent() -> list[int]:
        return await asyncio.gather(*(child(number) for number in range(5)))

    assert asyncio.run(parent()) == [0, 1, 2, 3, 4]
    children = [span for span in recorded.all if span.name == "child"]
    assert len(children) == 5 and {id(span.parent) for span in children} == {id(recorded.named("parent"))}


def test_an_async_generator_may_be_left_early(recorded: Any) -> None:
    @traced(name="numbers")
    async def numbers() -> AsyncIterator[int]:
        for number in range(10):
            yield number

    async def main() -> None:
        iterator = numbers()
        async for number in iterator:
            if number == 2:
                break
        await iterator.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert recorded.named("numbers").rare is None


def test_an_async_generator_passes_everything_on(recorded: Any) -> None:
    async def collect(function: Any) -> list[int]:
        return [item async for item in function(4)]

    assert asyncio.run(collect(traced(async_generator))) == asyncio.run(collect(async_generator))


def test_methods_class_methods_and_static_methods(recorded: Any) -> None:
    class Shop:
        @traced
        def sell(self) -> str:
            return type(self).__name__

        @classmethod
        @traced
        def open(cls) -> str:
            return cls.__name__

        @traced
        @staticmethod
        def close() -> str:
            return "closed"

    assert (Shop().sell(), Shop.open(), Shop.close()) == ("Shop", "Shop", "closed")
    assert [span.name.rpartition(".")[2] for span in recorded.all] == ["sell", "open", "close"]


def test_a_disabled_sdk_leaves_functions_alone(monkeypatch: pytest.MonkeyPatch, recorded: Any) -> None:
    from tracekit import config

    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    config.forget()
    assert traced(plain) is plain


def test_nothing_is_wrapped_twice() -> None:
    once = traced(plain)
    assert traced(once) is once


def test_a_span_block_works_with_with_and_async_with(recorded: Any) -> None:
    async def main() -> None:
        async with span("async block"):
            pass

    with pytest.raises(ZeroDivisionError), span("block", attributes={"k": 1}) as block:
        block.add_event("tick")
        _ = 1 / 0
    asyncio.run(main())
    assert recorded.named("block").rare.status == ERROR
    assert [event.name for event in recorded.named("block").rare.events] == ["tick", "exception"]
    assert recorded.named("async block").end >= recorded.named("async block").start


def test_without_a_span_the_current_one_ignores_everything() -> None:
    current_span().set_attribute("a", 1)
    assert current_span().trace_id == "0" * 32


def test_below_an_unsampled_root_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch, recorded: Any) -> None:
    from tracekit import config, inject, pipeline
    from tracekit.sampling import Sampler

    pipeline.get().sampler = Sampler("always_off")
    carrier: dict[str, str] = {}

    @traced
    def inner() -> None:
        inject(carrier)

    with span("root") as root:
        inner()
    assert recorded.all == []
    assert carrier["traceparent"] == f"00-{root.trace_id}-{root.span_id}-00"
    assert config.get().sampler == "parentbased_always_on"
