"""Rules and what became of them, in the reader's language. Messages that leave the server keep the words of
collector/alerts/wording.py."""

from __future__ import annotations

from collector.alerts.rule import Rule, Signal, signal_info
from collector.alerts.wording import seconds_text, value_text
from dashboards.i18n import N_, _

# The titles of collector.alerts.rule.SIGNALS, marked for translation.
TITLES = (N_("Error rate"), N_("p95 duration"), N_("Cold-start share"))

# What collector/alerts/store.py says of a message, and how it begins where a reason follows.
_STATES = (N_("replaced by a later message"), N_("waiting"))
_WITH_REASON = {
    "not delivered: ": N_("not delivered: %(reason)s"),
    "trying again: ": N_("trying again: %(reason)s"),
}


def signal_title(signal: Signal) -> str:
    return _(signal_info(signal).title)


def condition(rule: Rule) -> str:
    """ "Error rate of checkout over the last 5 min is > 5% for 1 min"."""
    said = {
        "signal": signal_title(rule.signal),
        "function": rule.service or _("every function"),
        "window": seconds_text(rule.window_s),
        "threshold": f"{rule.op} {value_text(rule.signal, rule.threshold)}",
    }
    if not rule.for_s:
        return _("%(signal)s of %(function)s over the last %(window)s is %(threshold)s", **said)
    return _(
        "%(signal)s of %(function)s over the last %(window)s is %(threshold)s for %(time)s",
        **said,
        time=seconds_text(rule.for_s),
    )


def delivery(text: str) -> str:
    """What became of a message; a reason is said as the receiver's side said it."""
    for start, message in _WITH_REASON.items():
        if text.startswith(start):
            return _(message, reason=text.removeprefix(start))
    return _(text) if text in _STATES else text
