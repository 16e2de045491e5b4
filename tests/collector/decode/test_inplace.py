"""What is read in place means what protobuf reads, whole or damaged."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.decode import inplace, otlp_logs, otlp_metrics, otlp_protobuf
from collector.decode.result import Decoded, TooLarge, Undecodable
from tests.collector import otlp_messages
from tests.collector.decode import messages
from tests.collector.decode.decoders import RECEIVED, outcome
from tests.collector.decode.mutate import mutated


@contextmanager
def everything_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inplace, "LARGE_MESSAGE", 0)
        patch.setattr(inplace, "LARGE_FIELD", 1)
        yield


def in_place(read: Callable[[bytes], Any], body: bytes) -> Any:
    with everything_is_large():
        return read(body)


def said(decode: Callable[[bytes, int], Decoded]) -> Callable[[bytes], Any]:
    def read(body: bytes) -> Any:
        try:
            found = decode(body, RECEIVED)
        except (TooLarge, Undecodable) as error:
            return str(error)
        return repr(found)  # NaN is no equal of itself

    return read


def test_spans_read_in_place_are_the_same() -> None:
    chance = random.Random(7)

    def read(body: bytes) -> Any:
        return outcome(otlp_protobuf.decode, body)

    for _ in range(300):
        whole = messages.request(chance)
        for body in (whole, mutated(whole, chance), mutated(whole, chance)):
            assert in_place(read, body) == read(body), body


@settings(max_examples=30, deadline=None)
@given(otlp_messages.LOGS, st.randoms(use_true_random=False))
def test_log_records_read_in_place_are_the_same(request: Any, chance: random.Random) -> None:
    whole = request.SerializeToString()
    for body in (whole, mutated(whole, chance), mutated(whole, chance)):
        assert in_place(said(otlp_logs.decode), body) == said(otlp_logs.decode)(body)


@settings(max_examples=30, deadline=None)
@given(otlp_messages.METRICS, st.randoms(use_true_random=False))
def test_data_points_read_in_place_are_the_same(request: Any, chance: random.Random) -> None:
    whole = request.SerializeToString()
    for body in (whole, mutated(whole, chance), mutated(whole, chance)):
        assert in_place(said(otlp_metrics.decode), body) == said(otlp_metrics.decode)(body)


def test_a_large_field_is_a_view_of_what_was_sent() -> None:
    body = AnyValue(string_value="x" * inplace.LARGE_MESSAGE).SerializeToString()
    message = inplace.read(otlp_logs.wire.AnyValue, body)
    assert message.WhichOneof("value") == "string_value"
    assert isinstance(message.string_value, memoryview) and message.string_value.obj is body
