"""Ways of telling somebody. Adding one is a file, a line in NOTIFIERS and a test."""

from __future__ import annotations

from collector.alerts.notifiers.base import Notifier
from collector.alerts.notifiers.webhook import WebhookNotifier

# The first that accepts a target gets it.
NOTIFIERS: tuple[Notifier, ...] = (WebhookNotifier(),)


def notifier_for(target: str) -> Notifier:
    """The notifier a target belongs to."""
    return next(notifier for notifier in NOTIFIERS if notifier.accepts(target))
