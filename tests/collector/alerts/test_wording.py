"""Rules and values read the same in a message and on a page."""

from __future__ import annotations

import pytest

from collector.alerts.rule import Rule
from collector.alerts.wording import condition_text, seconds_text, summary_text, value_text

RULE = Rule("Slow", "p95_ms", 1500.0, window_s=600, for_s=90)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (90, "90 s"), (3600, "1 h"), (86_400, "1 d")],
)
def test_a_length_is_said_in_the_largest_unit_that_fits(seconds, text):
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("signal", "value", "text"),
    [
        ("error_rate", 0.05, "5%"), ("error_rate", 0.12345, "12.3%"), ("cold_start_share", 1.0, "100%"),
        ("error_rate", 0.00001, "0.001%"), ("p95_ms", 0.0, "0 ms"), ("p95_ms", 32.44, "32.4 ms"),
        ("p95_ms", 1240.0, "1.24 s"), ("p95_ms", 250_000.0, "250 s"),
    ],
)  # fmt: skip
def test_a_value_has_its_unit_and_three_digits(signal, value, text):
    assert value_text(signal, value) == text


def test_a_rule_is_a_sentence():
    assert condition_text(RULE) == "p95 duration of every function over the last 10 min is > 1.5 s for 90 s"


def test_an_alert_is_a_line():
    assert summary_text(RULE, "checkout", 2000.0) == (
        "p95 duration of checkout is 2 s over the last 10 min (rule: > 1.5 s)"
    )
