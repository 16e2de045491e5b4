"""A rule that makes no sense is refused field by field, in words."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from collector.alerts.notifiers.base import Policy
from collector.alerts.rule import Rule
from collector.alerts.validation import InvalidRule, check, rule_from_json

RULE = Rule("Errors", "error_rate", 0.05)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "give the rule a name"),
        ({"name": "x" * 121}, "name", "120 characters"),
        ({"name": "a\nb"}, "name", "line breaks"),
        ({"name": "a\u202eb"}, "name", "control characters"),
        ({"signal": "p96"}, "signal", "error_rate, p95_ms, cold_start_share"),
        ({"op": "=="}, "op", ">, >=, <, <="),
        ({"threshold": 5.0}, "threshold", "0.05 is 5%"),
        ({"threshold": float("nan")}, "threshold", "must be a number"),
        ({"signal": "p95_ms", "threshold": -1.0}, "threshold", "between 0 and"),
        ({"window_s": 0}, "window_s", "between 5 and 604800 seconds"),
        ({"for_s": -1}, "for_s", "between 0 and"),
        ({"keep_firing_for_s": 10**9}, "keep_firing_for_s", "between 0 and"),
        ({"min_calls": 0}, "min_calls", "between 1 and"),
        ({"service": "x" * 256}, "service", "255 characters"),
        ({"webhook_url": "ftp://example.org"}, "webhook_url", "http"),
        ({"webhook_url": "http://127.0.0.1/x"}, "webhook_url", "allow_private_webhooks"),
    ],
)
def test_each_field_has_its_limits(change, field, words):
    with pytest.raises(InvalidRule) as refused:
        check(replace(RULE, **change), Policy())
    assert list(refused.value.problems) == [field]
    assert words in refused.value.problems[field]


def test_a_sound_rule_passes():
    check(replace(RULE, webhook_url="https://example.org/hook"), Policy())


def test_what_json_leaves_out_takes_its_default():
    assert rule_from_json({"name": "Errors", "signal": "error_rate", "threshold": 0.05}) == RULE


def test_an_integer_will_do_for_the_threshold():
    assert rule_from_json({"name": "a", "signal": "p95_ms", "threshold": 250}).threshold == 250.0


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "body: must be a JSON object"),
        ({"name": "a", "signal": "p95_ms"}, "threshold: is missing"),
        ({**asdict(RULE), "windows": 5}, "windows: unknown field"),
        ({"name": "a", "signal": "p95_ms", "threshold": True}, "threshold: must be a number"),
        ({"name": "a", "signal": "p95_ms", "threshold": 10**400}, "threshold: must be a number"),
        (
            {"name": "a", "signal": "p95_ms", "threshold": 1, "window_s": 1.5},
            "window_s: must be a whole number",
        ),
        ({"name": "a", "signal": "p95_ms", "threshold": 1, "enabled": 1}, "enabled: must be true or false"),
        ({"name": "a", "signal": ["p95_ms"], "threshold": 1}, "signal: must be text"),
    ],
)
def test_json_of_the_wrong_shape_is_refused_by_name(body, problem):
    with pytest.raises(InvalidRule) as refused:
        rule_from_json(body)
    assert problem in str(refused.value)


def test_an_answer_can_be_sent_back_as_it_came():
    stored = replace(RULE, id=3, created_ns=1, updated_ns=2)
    assert rule_from_json({**asdict(stored), "id": 99}, stored) == replace(stored, updated_ns=0)
