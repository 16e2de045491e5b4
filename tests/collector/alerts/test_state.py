"""An alert's states follow Prometheus' rules, evaluation by evaluation."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alerts.rule import Alert, Rule
from collector.alerts.state import RESOLVED_RETENTION_NS, SECOND_NS, Reading, advance, shift_downtime, step

RULE = Rule("slow", "p95_ms", 100.0, service="checkout", for_s=10, id=7)
HOLDS, ENDS, NO_DATA = Reading(200.0, True), Reading(50.0, False), None


def timeline(rule: Rule, readings: list[Reading | None], interval_s: int = 5) -> list[str]:
    """The state after each evaluation; evaluations are `interval_s` apart."""
    alert, states = None, []
    for number, reading in enumerate(readings):
        alert = advance(rule, "checkout", alert, reading, (1000 + number * interval_s) * SECOND_NS)
        states.append(alert.state if alert else "inactive")
    return states


def test_it_is_pending_until_the_condition_has_held_for_the_whole_time():
    assert timeline(RULE, [ENDS, HOLDS, HOLDS, HOLDS]) == ["inactive", "pending", "pending", "firing"]


def test_without_for_it_fires_at_once():
    assert timeline(replace(RULE, for_s=0), [HOLDS]) == ["firing"]


@pytest.mark.parametrize("end", [ENDS, NO_DATA])
def test_a_pending_alert_whose_condition_or_series_ends_is_dropped(end):
    assert timeline(RULE, [HOLDS, HOLDS, end, HOLDS, HOLDS, HOLDS]) == [
        "pending", "pending", "inactive", "pending", "pending", "firing",
    ]  # fmt: skip


@pytest.mark.parametrize("end", [ENDS, NO_DATA])
def test_a_firing_alert_is_resolved_when_the_condition_or_the_series_ends(end):
    assert timeline(replace(RULE, for_s=0), [HOLDS, end, end]) == ["firing", "resolved", "resolved"]


def test_keep_firing_for_holds_it_after_the_condition_ended():
    rule = replace(RULE, for_s=0, keep_firing_for_s=10)
    assert timeline(rule, [HOLDS, ENDS, ENDS, ENDS]) == ["firing", "firing", "firing", "resolved"]


def test_a_condition_that_comes_back_starts_keep_firing_for_anew():
    rule = replace(RULE, for_s=0, keep_firing_for_s=10)
    assert timeline(rule, [HOLDS, ENDS, HOLDS, ENDS, ENDS, ENDS])[-2:] == ["firing", "resolved"]


def test_a_resolved_alert_is_remembered_for_fifteen_minutes():
    alert = Alert(7, "slow", "checkout", "resolved", 1.0, 2.0, 1, fired_ns=2, resolved_ns=3)
    assert advance(RULE, "checkout", alert, None, 3 + RESOLVED_RETENTION_NS) == alert
    assert advance(RULE, "checkout", alert, None, 4 + RESOLVED_RETENTION_NS) is None


def test_a_resolved_alert_that_comes_back_is_a_new_alert():
    old = Alert(7, "slow", "checkout", "resolved", 1.0, 2.0, 1, fired_ns=2, resolved_ns=3)
    new = advance(RULE, "checkout", old, HOLDS, 100)
    assert new == Alert(7, "slow", "checkout", "pending", 200.0, 100.0, 100, evaluated_ns=100)


def test_a_pending_alert_does_not_age_while_nobody_looks():
    alert = Alert(7, "slow", "checkout", "pending", 1.0, 2.0, active_since_ns=100, evaluated_ns=150)
    assert shift_downtime(alert, 950).active_since_ns == 900
    assert shift_downtime(replace(alert, state="firing"), 950).active_since_ns == 100


def test_a_step_reports_each_change_once_with_the_value_that_made_it():
    first = step(RULE, {}, {"a": HOLDS, "b": ENDS}, 10 * SECOND_NS)
    second = step(RULE, first.alerts, {"a": Reading(300.0, True)}, 20 * SECOND_NS)
    third = step(RULE, second.alerts, {"a": Reading(310.0, True)}, 25 * SECOND_NS)
    assert [(t.service, t.state, t.value) for t in first.transitions] == [("a", "pending", 200.0)]
    assert [(t.service, t.state, t.value) for t in second.transitions] == [("a", "firing", 300.0)]
    assert third.transitions == ()


def test_the_alert_carries_what_the_rule_says_now():
    alert = Alert(7, "old name", "checkout", "firing", 1.0, 2.0, 1, fired_ns=2)
    after = advance(RULE, "checkout", alert, HOLDS, 50)
    assert after is not None
    assert (after.rule_name, after.threshold, after.value) == ("slow", 100.0, 200.0)


evaluations = st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=40)


def firing_by_definition(moments: list[tuple[int, bool]], for_s: int, keep_s: int) -> list[bool]:
    """Firing at an evaluation, said without any state: see the two sentences below."""
    firing: list[bool] = []
    for i, (now, holds) in enumerate(moments):
        run = [t for k, (t, _) in enumerate(moments[: i + 1]) if all(h for _, h in moments[k : i + 1])]
        ended = [t for k, (t, _) in enumerate(moments[: i + 1]) if not any(h for _, h in moments[k : i + 1])]
        if holds:  # it fired already, or the condition has held at every evaluation for long enough
            firing.append((i > 0 and firing[i - 1]) or now - run[0] >= for_s)
        else:  # it fired before, and the first evaluation without the condition is not long enough ago
            firing.append(i > 0 and firing[i - 1] and now - ended[0] < keep_s)
    return firing


@given(evaluations, st.integers(0, 30), st.integers(0, 30))
def test_it_fires_exactly_when_the_definition_says_so(gaps, for_s, keep_s):
    now, moments = 1000, []
    for gap, holds in gaps:
        now += gap
        moments.append((now, holds))
    rule, alert, firing = replace(RULE, for_s=for_s, keep_firing_for_s=keep_s), None, []
    for moment, holds in moments:
        alert = advance(rule, "checkout", alert, HOLDS if holds else ENDS, moment * SECOND_NS)
        firing.append(alert is not None and alert.state == "firing")
    assert firing == firing_by_definition(moments, for_s, keep_s)


@given(evaluations, st.integers(0, 30), st.integers(0, 30))
def test_every_change_of_state_is_a_step_of_the_machine(gaps, for_s, keep_s):
    rule, alerts, now, was = replace(RULE, for_s=for_s, keep_firing_for_s=keep_s), {}, 1000, "inactive"
    allowed = {
        ("inactive", "pending"), ("inactive", "firing"), ("pending", "firing"), ("pending", "inactive"),
        ("firing", "resolved"), ("resolved", "pending"), ("resolved", "firing"),
    }  # fmt: skip
    for gap, holds in gaps:
        now += gap
        outcome = step(rule, alerts, {"checkout": HOLDS if holds else ENDS}, now * SECOND_NS)
        for transition in outcome.transitions:
            assert (was, transition.state) in allowed
            was = transition.state
        alerts = outcome.alerts


PROMTOOL = shutil.which("promtool")
SERIES = [0, 9, 9, 0, 9, 9, 9, 9, 0, 0, 9, 0, 0, 0, 0, 9, 9, 9, 0, 0]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian package prometheus) is not installed")
@pytest.mark.parametrize(("for_s", "keep_s"), [(0, 0), (60, 0), (120, 0), (60, 60), (0, 120), (120, 180)])
def test_promtool_sees_the_same_states(tmp_path: Path, for_s: int, keep_s: int):
    rule = replace(RULE, for_s=for_s, keep_firing_for_s=keep_s)
    states = timeline(rule, [HOLDS if value > 5 else ENDS for value in SERIES], interval_s=60)
    (tmp_path / "rules.yml").write_text(
        f"groups: [{{name: g, rules: [{{alert: slow, expr: sig > 5, for: {for_s}s, "
        f"keep_firing_for: {keep_s}s}}]}}]\n"
    )
    (tmp_path / "test.yml").write_text(_promtool_test(states))
    result = subprocess.run(
        [str(PROMTOOL), "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr


def _promtool_test(states: list[str]) -> str:
    lines = ["rule_files: [rules.yml]", "evaluation_interval: 1m", "tests:", "- interval: 1m"]
    lines += ["  input_series:", "  - series: sig", f"    values: '{' '.join(map(str, SERIES))}'"]
    lines += ["  promql_expr_test:"]
    for minute, state in enumerate(states):
        lines += ["  - expr: ALERTS", f"    eval_time: {minute}m", "    exp_samples:" + _expected(state)]
    return "\n".join(lines) + "\n"


def _expected(state: str) -> str:
    if state not in ("pending", "firing"):
        return " []"
    return f'\n    - labels: \'ALERTS{{alertname="slow", alertstate="{state}"}}\'\n      value: 1'
