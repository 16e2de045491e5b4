"""Fields are counted before they are parsed, and only where there could be too many."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.decode.fields import require_few
from collector.decode.result import TooLarge

MIXED = Span(trace_id=b"t" * 16, name="n", flags=1, start_time_unix_nano=5).SerializeToString()  # 4 fields


def test_as_many_fields_as_the_limit_pass_and_one_more_does_not() -> None:
    assert require_few(MIXED, 4, "fields") is MIXED
    with pytest.raises(TooLarge, match="more than 3 fields"):
        require_few(MIXED, 3, "fields")


def test_few_large_fields_are_few() -> None:
    large = Span(name="x" * 1_000_000).SerializeToString()
    assert require_few(large, 1, "fields") is large


@pytest.mark.parametrize("damaged", [b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x7f" + b"x" * 50, b"\x0b" * 50])
def test_damage_is_left_to_the_parser(damaged: bytes) -> None:
    assert require_few(damaged, 5, "fields") is damaged
