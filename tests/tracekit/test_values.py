from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import values
from tracekit.span import INTERNAL, Span, Trace


class Raising:
    def __str__(self) -> str:
        raise RuntimeError("never to be seen")


class RaisingList(list[int]):
    def __iter__(self) -> Any:
        raise RuntimeError("never to be seen")


class Colour(str, Enum):  # noqa: UP042
    RED = "red"


def cyclic() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ("text", "text"),
        (True, True),
        (1.5, 1.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (b"bytes", b"bytes"),
        ((1, "a"), [1, "a"]),
        ({"a": {1: 2}}, {"a": {"1": 2}}),
        (Colour.RED, "red"),
        (Raising(), "<unprintable Raising>"),
        (RaisingList([1]), "<unprintable RaisingList>"),
        (cyclic(), [[[["…"]]]]),
    ],
)
def test_values_are_kept_or_turned_into_text(given_value: object, kept: object) -> None:
    assert values.clean(given_value) == kept


def test_ten_megabytes_are_cut_to_the_limit() -> None:
    assert len(values.clean("x" * 10_000_000)) == values.max_length
    assert len(values.clean(b"x" * 10_000_000)) == values.max_length
    assert len(values.clean(10**100_000)) <= values.max_length


def test_attributes_beyond_the_limit_are_counted() -> None:
    span = Span("s", INTERNAL, None, Trace(), 1)
    for number in range(values.max_count + 3):
        span.set_attribute(f"k{number}", number)
    assert span.attributes is not None and len(span.attributes) == values.max_count
    assert span.extra.dropped_attributes == 3


@given(st.recursive(st.none() | st.integers() | st.text() | st.binary() | st.floats(), st.lists))
def test_whatever_is_cleaned_can_be_encoded(value: object) -> None:
    from tracekit import otlp

    span = Span("s", INTERNAL, None, Trace(), 1)
    span.set_attribute("k", value)
    assert otlp.encode_span(span)


def test_none_is_no_attribute() -> None:
    span = Span("s", INTERNAL, None, Trace(), 1)
    span.set_attribute("k", None)
    assert span.attributes is None
