"""What a person writes into the sentence is the rule that is stored, or is refused beside its field."""

from __future__ import annotations

import pytest

from collector.alerts.notifiers.base import Policy
from collector.alerts.rule import Rule
from collector.alerts.validation import InvalidRule
from dashboards.alert_form import choices, form_of, new_form, read_form

RULE = Rule(
    "Slow", "p95_ms", 250.0, service="checkout", op=">=", window_s=600, for_s=120, keep_firing_for_s=60,
    min_calls=20, webhook_url="https://example.org/hook", id=4,
)  # fmt: skip
FIELDS = form_of(RULE).values


def read(**changes: str) -> Rule:
    return read_form({**FIELDS, **changes}, Policy())


def test_a_rule_written_into_the_form_reads_back_as_itself():
    assert read_form(FIELDS, Policy(), RULE) == RULE


@pytest.mark.parametrize(
    ("signal", "text", "threshold"),
    [
        ("error_rate", "5", 0.05), ("error_rate", "5%", 0.05), ("error_rate", " 7 % ", 0.07),
        ("cold_start_share", ".5", 0.005), ("p95_ms", "250", 250.0), ("p95_ms", "0.25 s", 250.0),
        ("p95_ms", "2min", 120_000.0), ("p95_ms", "1.5ms", 1.5),
    ],
)  # fmt: skip
def test_a_threshold_is_read_in_its_signals_unit(signal, text, threshold):
    assert read(signal=signal, threshold=text).threshold == threshold


@pytest.mark.parametrize(
    ("signal", "text"),
    [
        ("error_rate", "5ms"),
        ("p95_ms", "5%"),
        ("p95_ms", ""),
        ("p95_ms", "-5"),
        ("p95_ms", "1e9"),
        ("p95_ms", "٣"),
    ],
)
def test_a_threshold_that_is_none_is_refused_with_an_example(signal, text):
    with pytest.raises(InvalidRule) as refused:
        read(signal=signal, threshold=text)
    assert "such as" in refused.value.problems["threshold"]


def test_every_problem_is_told_at_once():
    with pytest.raises(InvalidRule) as refused:
        read(
            signal="x",
            op="=",
            threshold="x",
            window_s="",
            min_calls="1.5",
            webhook_url="ftp://x",
            name="n" * 121,
        )
    assert set(refused.value.problems) == {
        "signal", "op", "threshold", "window_s", "min_calls", "webhook_url", "name",
    }  # fmt: skip


def test_a_rule_nobody_named_says_what_it_watches():
    assert read(name=" ").name == "p95 duration of checkout >= 250 ms"


def test_the_form_neither_switches_a_rule_on_nor_off():
    off = Rule("Off", "error_rate", 0.05, enabled=False, id=3)
    assert read_form(form_of(off).values, Policy(), off).enabled is False


def test_a_link_can_start_a_rule():
    form = new_form({"signal": "p95_ms", "service": "mailer", "threshold": "800"})
    assert (form["signal"], form["service"], form["threshold"], form.unit) == (
        "p95_ms",
        "mailer",
        "800",
        "ms",
    )
    assert new_form({"signal": "nonsense"})["signal"] == "error_rate"


def test_a_length_a_script_chose_is_among_the_choices():
    assert choices((60, 120), 90) == [(60, "1 min"), (90, "90 s"), (120, "2 min")]
    assert choices((0, 60), 60, zero="at once")[0] == (0, "at once")
