"""TraceQL over time is read as documented, refused with its place, and can be written again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.analysis.traceql import parse
from collector.analysis.traceql_series import Series, parse_series, write_series
from collector.storage.base import InvalidQuery
from collector.storage.spanset import Field
from tests.collector.analysis.test_traceql import attributes, measured, spansets

DURATION = Field("intrinsic", "duration")


def test_the_example_of_the_documentation() -> None:
    text = '{ span.x = "y" } >> { } | quantile_over_time(duration, .95) by (resource.service.name)'
    asked = parse('{ span.x = "y" } >> { }')
    assert parse_series(text) == Series(asked, "quantile", DURATION, 0.95, Field("resource", "service.name"))


def test_a_set_alone_is_drawn_as_its_rate() -> None:
    assert parse_series("{ }") == parse_series("{ } | rate()") == Series(parse("{ }"))


def test_figures_of_traces_may_stand_before_the_one_over_time() -> None:
    often = parse("{ kind = client } | count() > 20")
    assert parse_series("{ kind = client } | count() > 20 | rate() by (name)") == Series(
        often, by=Field("intrinsic", "name")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{ } | rate(duration)", "at character 12 'duration' stands, where a closing )"),
        ("{ } | avg_over_time()", "span.…, resource.…"),
        ("{ } | quantile_over_time(duration)", "a comma and a quantile"),
        ("{ } | quantile_over_time(duration, 95)", "a quantile lies between 0 and 1"),
        ("{ } | rate() by name", "an opening ("),
        ("{ } | rate() of (name)", "where one of by()"),
        ("{ } | rate() | rate()", "where one of by()"),
        ("({ } | rate())", "one of count(), avg()"),
        ("{ } | nonsense()", "one of count(), avg()"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse_series(text)
    assert said in str(refused.value)


counting = st.builds(Series, spansets, st.sampled_from(["rate", "count"]), by=st.none() | attributes)
measuring = st.builds(
    Series, spansets, st.sampled_from(["sum", "avg", "min", "max"]), measured, by=st.none() | attributes
)
quantiles = st.builds(Series, spansets, st.just("quantile"), measured, st.floats(0, 1), attributes)


@given(counting | measuring | quantiles)
def test_a_written_query_reads_as_the_same_query(series: Series) -> None:
    assert parse_series(write_series(series)) == series
