"""What a decoder gives back, and how it says no."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from collector.batch import Batch


class Undecodable(ValueError):
    """The payload as a whole cannot be read; a resend of the same bytes cannot help (HTTP 400)."""


class TooLarge(ValueError):
    """The payload holds more than this collector takes in one request (HTTP 413)."""


class BadItem(ValueError):
    """One span, log record or data point breaks OTLP's rules: left out and counted; its neighbours stay."""


class BadSpan(BadItem):
    """That of spans."""


@dataclass(slots=True)
class Decoded:
    """A batch of the good items, and why the others were left out: reason -> number of items."""

    batch: Batch
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def rejected_items(self) -> int:
        """Spans, log records or data points that were left out."""
        return self.rejected.total()

    @property
    def message(self) -> str:
        """For OTLP's partial_success.error_message; "" when nothing was rejected."""
        return "; ".join(f"{reason} ({count})" for reason, count in self.rejected.most_common(5))
