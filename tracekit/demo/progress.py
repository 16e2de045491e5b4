"""What is happening, on one line: rewritten in place on a terminal, printed every few seconds otherwise."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, TextIO

PRINT_EVERY_S = 5.0
REWRITE_EVERY_S = 0.5


class Progress:
    """Call `update` often; it writes when it is time to."""

    def __init__(
        self, snapshot: Callable[[], dict[str, Any]], output: TextIO = sys.stdout, *, shown: bool = True
    ) -> None:
        self._snapshot = snapshot
        self._output = output
        self._shown = shown
        self._in_place = output.isatty()
        self._next = 0.0

    def update(self, elapsed_s: float) -> None:
        if not self._shown or elapsed_s < self._next:
            return
        self._next = elapsed_s + (REWRITE_EVERY_S if self._in_place else PRINT_EVERY_S)
        self._write(describe(elapsed_s, self._snapshot()))

    def close(self) -> None:
        """Leaves the last line standing."""
        if self._shown and self._in_place:
            self._output.write("\n")

    def _write(self, line: str) -> None:
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1
            line = f"\r\x1b[K{line[:width]}"
        self._output.write(line if self._in_place else line + "\n")
        self._output.flush()


def describe(elapsed_s: float, snapshot: dict[str, Any]) -> str:
    """The line for a ledger's snapshot; what matters most comes first, as a terminal may cut its end.

    `12 s · 108 calls · 5 failed · 14 cold starts · alerts: 1 fired, 0 resolved · catalogue 60  storefront 48`
    """
    calls = _sums(snapshot["invocations"], "function")
    by_function = "  ".join(f"{name} {count}" for name, count in calls.most_common())
    parts = [f"{elapsed_s:4.0f} s", f"{calls.total()} calls", *_counts(snapshot), by_function]
    return " · ".join(part for part in parts if part)


def _counts(snapshot: dict[str, Any]) -> list[str]:
    outcomes = _sums(snapshot["invocations"], "outcome")
    started = sum(counts["started"] for counts in snapshot["processes"].values())
    alerts = _sums(snapshot["alerts"], "state")
    return [
        f"{outcomes.total() - outcomes['ok']} failed",
        f"{started} cold starts",
        f"alerts: {alerts['firing']} fired, {alerts['resolved']} resolved",
    ]


def _sums(rows: list[dict[str, Any]], key: str) -> Counter[str]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row[key]] += row["count"]
    return sums
