"""How figures read. The same cases hold for static/js/format.js (tests/browser/test_format_js.py)."""

from __future__ import annotations

import json

import pytest

from dashboards import format
from tests.dashboards.figures import BYTES, COUNTS, DURATIONS, PERCENTS


@pytest.mark.parametrize(("value", "shown"), DURATIONS)
def test_durations_have_three_digits_and_a_unit(value: float | None, shown: str) -> None:
    assert format.duration(value) == shown


@pytest.mark.parametrize(("value", "shown"), COUNTS)
def test_counts_are_short(value: float | None, shown: str) -> None:
    assert format.count(value) == shown


@pytest.mark.parametrize(("value", "shown"), PERCENTS)
def test_percents_never_round_to_all_or_nothing(value: float | None, shown: str) -> None:
    assert format.percent(value) == shown


@pytest.mark.parametrize(("value", "shown"), BYTES)
def test_sizes_are_powers_of_1024(value: float | None, shown: str) -> None:
    assert format.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12.3, "12.3"), (1.5, "1.5"), (0.25, "0.25"), (0.05, "0.05"), (0.00042, "0.00042"), (0.0004, "0.0004"),
     (3.2e-7, "0"), (0, "0"), (None, "–")],
)  # fmt: skip
def test_small_numbers_keep_digits_that_count(value: float | None, shown: str) -> None:
    assert format.number(value) == shown


@pytest.mark.parametrize(
    ("per_second", "shown"), [(12.34, "12.3/s"), (1, "1/s"), (0.07, "4.2/min"), (0.001, "3.6/h"), (0, "0/h")]
)
def test_rare_things_are_counted_by_the_minute_or_hour(per_second: float, shown: str) -> None:
    assert format.rate(per_second) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "just now"), (12, "12 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (-90, "in 1 m 30 s")],
)
def test_moments_are_told_from_now(seconds: int, shown: str) -> None:
    now = 1_715_688_000 * 10**9
    assert format.ago_text(now - seconds * 10**9, now) == shown


def test_json_for_scripts_cannot_leave_its_element() -> None:
    value = {"name": "</script><script>alert(1)</script>&\u2028", "other": [1, None]}
    text = format.tojson_script(value)
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == value


def test_long_text_is_cut_and_says_its_size() -> None:
    assert format.cut("x" * 10_000_000, 5) == "xxxxx… (9.54 MB)"
    assert format.cut("short") == "short"


def test_names_are_escaped_and_isolated() -> None:
    assert format.bdi("<b>\u202e") == "<bdi>&lt;b&gt;\u202e</bdi>"
