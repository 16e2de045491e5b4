"""Rules and values in words, the same in a message and on a page."""

from __future__ import annotations

from collector.alerts.rule import Rule, Signal, signal_info

_UNITS: tuple[tuple[int, str], ...] = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def seconds_text(seconds: int) -> str:
    """A length of time in the largest unit that divides it: 300 -> "5 min"."""
    size, unit = next(
        (size, unit) for size, unit in _UNITS if (seconds % size == 0 and seconds >= size) or size == 1
    )
    return f"{seconds // size} {unit}"


def value_text(signal: Signal, value: float) -> str:
    """A signal's value with its unit: 0.123 -> "12.3%", 1240.0 -> "1.24 s"."""
    if signal_info(signal).unit == "ratio":
        return f"{_short(value * 100)}%"
    return f"{_short(value / 1000)} s" if abs(value) >= 1000 else f"{_short(value)} ms"


def _short(number: float) -> str:
    """Three significant digits, never an exponent, no trailing zeros."""
    if abs(number) >= 100:
        return f"{number:.0f}"
    return f"{float(f'{number:.3g}'):f}".rstrip("0").rstrip(".")


def condition_text(rule: Rule) -> str:
    """ "Error rate of checkout over the last 5 min is > 5% for 1 min"."""
    of = rule.service or "every function"
    held = f" for {seconds_text(rule.for_s)}" if rule.for_s else ""
    return (
        f"{signal_info(rule.signal).title} of {of} over the last {seconds_text(rule.window_s)} "
        f"is {rule.op} {value_text(rule.signal, rule.threshold)}{held}"
    )


def summary_text(rule: Rule, service: str, value: float) -> str:
    """One line about one alert: "Error rate of checkout is 12.3% over the last 5 min (rule: > 5%)"."""
    return (
        f"{signal_info(rule.signal).title} of {service} is {value_text(rule.signal, value)} over the last "
        f"{seconds_text(rule.window_s)} (rule: {rule.op} {value_text(rule.signal, rule.threshold)})"
    )
