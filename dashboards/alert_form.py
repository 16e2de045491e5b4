"""A rule as a form writes it: a sentence of choices and texts, read back without losing what was typed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from collector.alerts.notifiers.base import Policy
from collector.alerts.rule import OPS, SIGNALS, Op, Rule, Signal, signal_info
from collector.alerts.validation import InvalidRule, check
from collector.alerts.wording import seconds_text, value_text
from dashboards.alert_words import signal_title
from dashboards.i18n import N_, _

WINDOWS_S = (60, 120, 300, 600, 900, 1800, 3600, 21_600, 86_400)
FORS_S = (0, 30, 60, 120, 300, 600, 900, 1800, 3600)
KEEPS_S = (0, 60, 300, 600, 1800)

# Where a new rule starts: PLATFORMS.md §6's default pack for functions, as far as signals allow.
SUGGESTED: dict[Signal, float] = {"error_rate": 0.05, "p95_ms": 1000.0, "cold_start_share": 0.1}

_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{0,9})?|\.\d{1,9})\s*(%|ms|s|min)?", re.ASCII)
_FACTORS = {"ratio": {"": 0.01, "%": 0.01}, "ms": {"": 1.0, "ms": 1.0, "s": 1e3, "min": 6e4}}
_UNIT_NAMES = {"ratio": "%", "ms": "ms"}


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The form's values as text, with what is wrong with each beside it."""

    values: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def unit(self) -> str:
        return unit_of(self["signal"])

    def seconds(self, name: str) -> int:
        """A duration's current choice; -1 if it is none."""
        return int(self[name]) if _is_whole(self[name]) else -1

    def with_problems(self, problems: Mapping[str, str]) -> RuleForm:
        return RuleForm(self.values, {**self.problems, **problems})


def form_of(rule: Rule) -> RuleForm:
    """A stored or suggested rule, ready to be edited."""
    return RuleForm(
        {
            "name": rule.name,
            "signal": rule.signal,
            "service": rule.service,
            "op": rule.op,
            "threshold": _threshold_text(rule),
            "window_s": str(rule.window_s),
            "for_s": str(rule.for_s),
            "keep_firing_for_s": str(rule.keep_firing_for_s),
            "min_calls": str(rule.min_calls),
            "webhook_url": rule.webhook_url,
        }
    )


def new_form(params: Mapping[str, str]) -> RuleForm:
    """A new rule, started by whoever linked here: `?signal=p95_ms&service=checkout&threshold=800ms`."""
    signal = cast(Signal, params.get("signal", ""))
    if signal not in SUGGESTED:
        signal = "error_rate"
    start = form_of(Rule("", signal, SUGGESTED[signal], service=params.get("service", "")[:255], min_calls=5))
    given = {"threshold": params["threshold"][:40]} if params.get("threshold") else {}
    return RuleForm({**start.values, **given})


def read_form(fields: Mapping[str, str], policy: Policy, stored: Rule | None = None) -> Rule:
    """The rule that was written, named by what it says if by nothing else. InvalidRule with every problem."""
    problems: dict[str, str] = {}
    rule = Rule(
        name=fields.get("name", "").strip(),
        signal=_signal(fields, problems),
        op=_op(fields, problems),
        threshold=_threshold(fields, problems),
        service=fields.get("service", "").strip(),
        webhook_url=fields.get("webhook_url", "").strip(),
        enabled=stored.enabled if stored else True,  # the switch beside the form changes it
        id=stored.id if stored else 0,
        **{name: _whole(fields, name, problems) for name in _WHOLE},
    )
    rule = rule if rule.name else _named(rule)
    found = (
        _limits(rule, policy) | problems
    )  # what could not be read has a placeholder: its limits say nothing
    if found:
        raise InvalidRule(found)
    return rule


def _limits(rule: Rule, policy: Policy) -> dict[str, str]:
    try:
        check(rule, policy)
    except InvalidRule as error:
        return error.problems
    return {}


def unit_of(signal: str) -> str:
    """The unit a bare number in the threshold has."""
    return _UNIT_NAMES[signal_info(signal).unit] if signal in SUGGESTED else ""


def choices(options: Sequence[int], current: int, zero: str = "") -> list[tuple[int, str]]:
    """Durations to choose from, the current one among them even if a script chose it."""
    lengths = sorted({*options, current} - ({-1} if current < 0 else set()))
    return [(seconds, seconds_text(seconds) if seconds or not zero else zero) for seconds in lengths]


def units() -> dict[str, str]:
    """Signal to the unit of its threshold, for the form's script."""
    return {info.signal: _UNIT_NAMES[info.unit] for info in SIGNALS}


_WHOLE = {
    "window_s": N_("choose a window"),
    "for_s": N_("choose how long it must last"),
    "keep_firing_for_s": N_("choose how long to hold it"),
    "min_calls": N_("write a whole number"),
}


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12


def _whole(fields: Mapping[str, str], name: str, problems: dict[str, str]) -> int:
    text = fields.get(name, "").strip()
    if not _is_whole(text):
        problems[name] = _(_WHOLE[name])
        return 0
    return int(text)


def _signal(fields: Mapping[str, str], problems: dict[str, str]) -> Signal:
    signal = fields.get("signal", "")
    if signal in SUGGESTED:
        return signal
    problems["signal"] = _("choose a signal")
    return "error_rate"


def _op(fields: Mapping[str, str], problems: dict[str, str]) -> Op:
    op = fields.get("op", "")
    if op in OPS:
        return op
    problems["op"] = _("choose a comparison")
    return ">"


def _threshold(fields: Mapping[str, str], problems: dict[str, str]) -> float:
    """ "5", "5 %" and "5%" of a share are 0.05; "250", "250 ms" and "0.25 s" of a duration are 250 ms."""
    unit = signal_info(_signal(fields, {})).unit
    match = _NUMBER.fullmatch(fields.get("threshold", "").strip())
    factor = _FACTORS[unit].get(match[2] or "") if match else None
    if match is None or factor is None:
        problems["threshold"] = (
            _("write a percentage, such as 5") if unit == "ratio" else _("write ms, such as 250")
        )
        return 0.0
    return float(f"{float(match[1]) * factor:.12g}")  # 7% is .07, not .07000000000000001


def _threshold_text(rule: Rule) -> str:
    value = rule.threshold * 100 if signal_info(rule.signal).unit == "ratio" else rule.threshold
    if not math.isfinite(value):
        return ""
    return f"{float(f'{value:.12g}'):f}".rstrip("0").rstrip(".")


def _named(rule: Rule) -> Rule:
    """A rule nobody named is named by what it says."""
    said = {
        "signal": signal_title(rule.signal),
        "threshold": f"{rule.op} {value_text(rule.signal, rule.threshold)}",
    }
    if rule.service:
        name = _("%(signal)s of %(function)s %(threshold)s", **said, function=rule.service[:60])
    else:
        name = _("%(signal)s %(threshold)s", **said)
    return replace(rule, name=name)
