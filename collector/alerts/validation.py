"""Whether a rule makes sense, said field by field for the person who wrote it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from collector.alerts.notifiers import notifier_for
from collector.alerts.notifiers.base import InvalidTarget, Policy
from collector.alerts.rule import OPS, SIGNALS, Rule, signal_info

MAX_NAME_CHARACTERS = 120
MAX_SERVICE_CHARACTERS = 255
WEEK_S = 7 * 86_400
MIN_WINDOW_S = 5
MAX_CALLS = 1_000_000_000
MAX_P95_MS = WEEK_S * 1000

READ_ONLY = frozenset({"id", "created_ns", "updated_ns"})
EDITABLE: dict[str, type] = {
    "name": str,
    "signal": str,
    "service": str,
    "op": str,
    "threshold": float,
    "window_s": int,
    "for_s": int,
    "keep_firing_for_s": int,
    "min_calls": int,
    "webhook_url": str,
    "enabled": bool,
}
_SIGNAL_KEYS = tuple(info.signal for info in SIGNALS)
_KIND_NAMES = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}


class InvalidRule(ValueError):
    """A rule that cannot be stored. `problems` says what is wrong with which field, in words."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))
        self.problems = dict(problems)


def check(rule: Rule, policy: Policy) -> None:
    """Raise InvalidRule with every problem of the rule at once."""
    problems = {
        "name": _name_problem(rule.name),
        "signal": _one_of(rule.signal, _SIGNAL_KEYS),
        "service": _service_problem(rule.service),
        "op": _one_of(rule.op, OPS),
        "threshold": _threshold_problem(rule),
        "window_s": _range_problem(rule.window_s, MIN_WINDOW_S, WEEK_S, " seconds"),
        "for_s": _range_problem(rule.for_s, 0, WEEK_S, " seconds"),
        "keep_firing_for_s": _range_problem(rule.keep_firing_for_s, 0, WEEK_S, " seconds"),
        "min_calls": _range_problem(rule.min_calls, 1, MAX_CALLS, ""),
        "webhook_url": _target_problem(rule.webhook_url, policy),
    }
    found = {field: problem for field, problem in problems.items() if problem}
    if found:
        raise InvalidRule(found)


def rule_from_json(data: object, stored: Rule | None = None) -> Rule:
    """A rule from a decoded JSON object, types checked strictly; values are checked by `check`.

    What is left out takes its default. For a `stored` rule the read-only fields of an answer may come
    back and are ignored. Raises InvalidRule; unknown fields are named.
    """
    if not isinstance(data, dict):
        raise InvalidRule({"body": "must be a JSON object"})
    given = {key: value for key, value in data.items() if stored is None or key not in READ_ONLY}
    problems = _unknown_problems(given) | _missing_problems(given) | _type_problems(given)
    if problems:
        raise InvalidRule(problems)
    rule = Rule(**{key: EDITABLE[key](value) for key, value in given.items()})
    return replace(rule, id=stored.id, created_ns=stored.created_ns) if stored else rule


def _unknown_problems(given: Mapping[str, Any]) -> dict[str, str]:
    known = ", ".join(EDITABLE)
    return {str(key)[:80]: f"unknown field; known are {known}" for key in given if key not in EDITABLE}


def _missing_problems(given: Mapping[str, Any]) -> dict[str, str]:
    required = [field.name for field in fields(Rule) if field.default is MISSING]
    return {name: "is missing" for name in required if name not in given}


def _type_problems(given: Mapping[str, Any]) -> dict[str, str]:
    wrong = [key for key, value in given.items() if key in EDITABLE and not _has_type(value, EDITABLE[key])]
    return {key: f"must be {_KIND_NAMES[EDITABLE[key]]}" for key in wrong}


def _has_type(value: object, kind: type) -> bool:
    """JSON's types, told apart: true is no number; an integer will do for a number if a float can hold it."""
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
    return type(value) is kind


def _name_problem(name: str) -> str:
    if not name.strip():
        return "give the rule a name"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"must not be longer than {MAX_NAME_CHARACTERS} characters"
    return _text_problem(name)


def _service_problem(service: str) -> str:
    if len(service) > MAX_SERVICE_CHARACTERS:
        return f"must not be longer than {MAX_SERVICE_CHARACTERS} characters"
    return _text_problem(service)


def _text_problem(text: str) -> str:
    return "" if text.isprintable() else "must not contain line breaks or control characters"


def _threshold_problem(rule: Rule) -> str:
    if not math.isfinite(rule.threshold):
        return "must be a number"
    if rule.signal not in _SIGNAL_KEYS:
        return ""  # which range holds depends on the signal
    if signal_info(rule.signal).unit == "ratio":
        return "" if 0 <= rule.threshold <= 1 else "must lie between 0 and 1 (0% and 100%): 0.05 is 5%"
    return "" if 0 <= rule.threshold <= MAX_P95_MS else f"must lie between 0 and {MAX_P95_MS} ms"


def _range_problem(value: int, low: int, high: int, unit: str) -> str:
    return "" if low <= value <= high else f"must lie between {low} and {high}{unit}"


def _target_problem(target: str, policy: Policy) -> str:
    if not target:
        return ""  # a rule may be watched on the page alone
    try:
        notifier_for(target).check(target, policy)
    except InvalidTarget as error:
        return str(error)
    return ""


def _one_of(value: str, known: Sequence[str]) -> str:
    return "" if value in known else f"must be one of {', '.join(known)}"
