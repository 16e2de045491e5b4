"""The grammar of `?from=…&to=…`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.storage.base import ROLLUP_SLOT_NS, InvalidQuery, is_rolled_up
from dashboards.timerange import PRESETS, TimeRange

SECOND = 10**9
# A Tuesday.
NOW = int(datetime(2024, 5, 14, 12, 34, 56, tzinfo=UTC).timestamp()) * SECOND + 789


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc,arg-type]


def parse(start: str, end: str) -> TimeRange:
    return TimeRange.parse({"from": start, "to": end}, NOW)


@pytest.mark.parametrize("start", ["now-6h", "now-12h", "now-24h", "now-7d", "now-30d"])
def test_a_long_range_that_moves_with_the_clock_ends_with_a_slot_of_the_store(start: str) -> None:
    found = parse(start, "now").window
    length = {"6h": 6, "12h": 12, "24h": 24, "7d": 168, "30d": 720}[start[4:]] * 3600 * SECOND
    assert found.end_ns - found.start_ns == length
    assert found.end_ns % ROLLUP_SLOT_NS == 0 and 0 <= found.end_ns - NOW < ROLLUP_SLOT_NS
    assert is_rolled_up(found, 60)


def test_a_short_range_and_one_of_fixed_moments_are_what_was_written() -> None:
    assert parse("now-3h", "now").window.end_ns == NOW
    fixed = parse("1715600000", "1715680060").window
    assert (fixed.start_ns, fixed.end_ns) == (1715600000 * SECOND, 1715680060 * SECOND)


def test_nothing_said_is_the_last_hour() -> None:
    found = TimeRange.parse({}, NOW)
    assert (found.window.start_ns, found.window.end_ns) == (NOW - 3600 * SECOND, NOW)
    assert found.label == "Last 1 hour"
    assert found.query == "from=now-1h&to=now"


@pytest.mark.parametrize(
    ("start", "end", "start_ns", "end_ns"),
    [
        ("now-15m", "now", NOW - 900 * SECOND, NOW),
        ("now-1d/d", "now-1d/d", at(2024, 5, 13), at(2024, 5, 14)),
        ("now/d", "now/d", at(2024, 5, 14), at(2024, 5, 15)),
        ("now/w", "now", at(2024, 5, 13), NOW),
        ("now-1h", "now+5m", NOW - 3600 * SECOND, NOW + 300 * SECOND),
        ("1715680000", "1715680060", 1715680000 * SECOND, 1715680060 * SECOND),
        ("1715680000123", "1715680060123", 1715680000123 * 10**6, 1715680060123 * 10**6),
        ("1715680000123456", "now", 1715680000123456 * 10**3, NOW),
        ("1715680000123456789", "now", 1715680000123456789, NOW),
        ("2024-05-14", "2024-05-14T01:00", at(2024, 5, 14), at(2024, 5, 14, 1)),
        ("2024-05-14T02:00+02:00", "2024-05-14T01:00:00Z", at(2024, 5, 14), at(2024, 5, 14, 1)),
        ("2024-05-14T02:00 02:00", "now", at(2024, 5, 14), NOW),
    ],
)
def test_each_spelling_means_its_moment(start: str, end: str, start_ns: int, end_ns: int) -> None:
    window = parse(start, end).window
    assert (window.start_ns, window.end_ns) == (start_ns, end_ns)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("now", "now-1h"),
        ("now", "now"),
        ("yesterday", "now"),
        ("now-1y", "now"),
        ("now-9999999h", "now"),
        ("-5", "now"),
        ("1e9", "now"),
        ("٣", "now"),
        ("99999999999999999999", "now"),
        ("9223372036854775808", "now"),
        ("2024-13-01", "now"),
        ("1900-01-01", "now"),
        ("now-999999w", "now"),
        ("x" * 100_000, "now"),
    ],
)
def test_what_makes_no_sense_is_refused(start: str, end: str) -> None:
    with pytest.raises(InvalidQuery) as raised:
        parse(start, end)
    assert len(str(raised.value)) < 300


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_a_range_or_an_invalid_query(start: str, end: str) -> None:
    try:
        window = parse(start, end).window
    except InvalidQuery:
        return
    assert 0 <= window.start_ns < window.end_ns < 2**63


@pytest.mark.parametrize(("start", "label"), PRESETS)
def test_a_preset_is_labelled_as_the_picker_says(start: str, label: str) -> None:
    assert parse(start, "now").label == label


def test_absolute_ranges_show_both_ends() -> None:
    assert parse("2024-05-14T10:00", "2024-05-14T11:30").label == "14 May 10:00 – 11:30"
    assert parse("2024-05-13", "2024-05-14T01:00").label == "13 May 00:00 – 14 May 01:00"
    assert parse("2024-05-14T10:00:01", "2024-05-14T10:00:07").label == "14 May 10:00:01 – 10:00:07"


def test_the_period_before_is_as_long_and_ends_where_this_starts() -> None:
    before = parse("now-1h", "now").previous
    assert before is not None
    assert (before.start_ns, before.end_ns) == (NOW - 7200 * SECOND, NOW - 3600 * SECOND)


def test_before_the_epoch_there_is_no_period() -> None:
    assert parse("0", "now").previous is None
