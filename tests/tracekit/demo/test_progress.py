"""The progress line says what is happening, as often as the output can show it."""

from __future__ import annotations

import io

from tracekit.demo.ledger import Ledger
from tracekit.demo.progress import Progress, describe


def busy() -> Ledger:
    ledger = Ledger()
    ledger.process_started("shop")
    for outcome in ("ok", "ok", "error"):
        ledger.invocation("shop", "1", "i-1", outcome)
    ledger.alert("Shop fails", "firing")
    return ledger


def test_the_line_counts_calls_failures_cold_starts_and_alerts() -> None:
    line = describe(12.3, busy().snapshot())
    assert line == "  12 s · 3 calls · 1 failed · 1 cold starts · alerts: 1 fired, 0 resolved · shop 3"


def test_where_lines_cannot_be_rewritten_one_is_printed_every_five_seconds() -> None:
    output = io.StringIO()
    progress = Progress(busy().snapshot, output)
    for tenth in range(101):
        progress.update(tenth / 10)
    assert output.getvalue().count("\n") == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_line_is_rewritten_in_place() -> None:
    output = Terminal()
    progress = Progress(busy().snapshot, output)
    progress.update(0)
    progress.update(1)
    progress.close()
    assert output.getvalue().count("\r") == 2
    assert output.getvalue().count("\n") == 1


def test_nothing_is_written_when_no_progress_is_wanted() -> None:
    output = Terminal()
    progress = Progress(busy().snapshot, output, shown=False)
    progress.update(0)
    progress.close()
    assert output.getvalue() == ""
