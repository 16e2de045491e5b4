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
    """The line for a ledger's snapshot: `12 s  catalogue 60  storefront 48 · 5 failed · 14 cold starts`."""
    calls: Counter[str] = Counter()
    for row in snapshot["invocations"]:
        calls[row["function"]] += row["count"]
    by_function = "  ".join(f"{name} {count}" for name, count in calls.most_common())
    return " · ".join([f"{elapsed_s:4.0f} s  {by_function}", *_counts(snapshot)])


def _counts(snapshot: dict[str, Any]) -> list[str]:
    failed = sum(row["count"] for row in snapshot["invocations"] if row["outcome"] != "ok")
    started = sum(counts["started"] for counts in snapshot["processes"].values())
    alerts: Counter[str] = Counter()
    for row in snapshot["alerts"]:
        alerts[row["state"]] += row["count"]
    fired = f"{alerts['firing']} alerts fired, {alerts['resolved']} resolved"
    return [f"{failed} failed", f"{started} cold starts", fired]
