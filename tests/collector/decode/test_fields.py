"""Fields are counted before they are parsed, and only where there could be too many."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from collector.decode.fields import require_sparse
from collector.decode.result import TooLarge

MIXED = Span(trace_id=b"t" * 16, name="n", flags=1, start_time_unix_nano=5).SerializeToString()  # 4 fields


def test_as_many_fields_as_the_limit_pass_and_one_more_does_not() -> None:
    require_sparse(MIXED, [(4, "fields")])
    with pytest.raises(TooLarge, match="more than 3 fields"):
        require_sparse(MIXED, [(3, "fields")])


def test_messages_within_messages_have_limits_of_their_own() -> None:
    spans = ScopeSpans(spans=[Span(), Span.FromString(MIXED)]).SerializeToString()
    require_sparse(spans, [(2, "spans"), (4, "fields")])
    with pytest.raises(TooLarge, match="more than 3 fields"):
        require_sparse(spans, [(2, "spans"), (3, "fields")])
    with pytest.raises(TooLarge, match="more than 1 spans"):
        require_sparse(spans, [(1, "spans"), (4, "fields")])


def test_few_large_fields_are_few() -> None:
    require_sparse(Span(name="x" * 1_000_000).SerializeToString(), [(1, "fields")])


@pytest.mark.parametrize("damaged", [b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x7f" + b"x" * 50, b"\x0b" * 50])
def test_damage_is_left_to_the_parser(damaged: bytes) -> None:
    require_sparse(damaged, [(5, "fields"), (2, "more")])
