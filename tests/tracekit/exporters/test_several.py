"""Several exporters at once: each gets every span once, whatever the others do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tracekit.config import Config
from tracekit.exporters import choose
from tracekit.exporters.base import DONE, REFUSED, RETRY, Exporter, Result
from tracekit.exporters.several import SeveralExporters
from tracekit.span import SERVER, Span, Trace


class Scripted(Exporter):
    """Answers as told, and takes as long as it may where told to hang."""

    def __init__(self, *outcomes: str, hangs: bool = False) -> None:
        self.outcomes = list(outcomes)
        self.hangs = hangs
        self.got: list[list[str]] = []

    def encode(self, spans: list[Span], resource: Any, dropped: int) -> tuple[Any, int]:
        return [span.name for span in spans], 10 * len(spans)

    def send(self, body: Any, deadline: float) -> Result:
        if self.hangs:
            time.sleep(max(deadline - time.monotonic(), 0))
        outcome = self.outcomes.pop(0)
        if outcome == "raises":
            raise LookupError("not installed")
        if outcome == DONE:
            self.got.append(body)
        return Result(outcome, outcome, 7.0 if outcome == RETRY else 0.0)


def sent(several: SeveralExporters, times: int = 1, seconds: float = 5.0) -> list[Result]:
    span = Span("handler", SERVER, None, Trace(1), 10, {})
    span.end = 20
    body, size = several.encode([span], {}, 0)
    assert size == 10 * len(several._exporters)
    return [several.send(body, time.monotonic() + seconds) for _ in range(times)]


def test_all_get_it() -> None:
    one, two = Scripted(DONE), Scripted(DONE)
    assert sent(SeveralExporters([one, two]))[0].outcome == DONE
    assert one.got == two.got == [["handler"]]


def test_who_has_it_does_not_get_it_again_while_another_is_tried_again() -> None:
    one, two = Scripted(DONE), Scripted(RETRY, DONE)
    first, second = sent(SeveralExporters([one, two]), times=2)
    assert (first.outcome, first.retry_after_s, second.outcome) == (RETRY, 7.0, DONE)
    assert one.got == two.got == [["handler"]]


@pytest.mark.parametrize("bad", [REFUSED, "raises"])
def test_it_is_refused_only_if_nobody_takes_it(bad: str) -> None:
    assert sent(SeveralExporters([Scripted(bad), Scripted(DONE)]))[0].outcome == DONE
    assert sent(SeveralExporters([Scripted(bad), Scripted(REFUSED)]))[0].outcome == REFUSED
    first, second = sent(SeveralExporters([Scripted(DONE), Scripted(RETRY, bad)]), times=2)
    assert (first.outcome, second.outcome) == (RETRY, DONE)


def test_one_that_hangs_leaves_time_to_the_others() -> None:
    one, two = Scripted(RETRY, hangs=True), Scripted(DONE)
    began = time.monotonic()
    assert sent(SeveralExporters([one, two]), seconds=0.4)[0].outcome == RETRY
    assert two.got == [["handler"]] and time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        ("otlp,console", ["OtlpHttpExporter", "ConsoleExporter"]),
        ("console, file ,console", ["ConsoleExporter", "FileExporter"]),
        ("console,none", "ConsoleExporter"),
        ("none,", "NoneType"),
    ],
)
def test_the_setting_names_them(names: str, kinds: Any) -> None:
    found = choose(Config({"OTEL_TRACES_EXPORTER": names}))
    if isinstance(found, SeveralExporters):
        assert [type(exporter).__name__ for exporter in found._exporters] == kinds
    else:
        assert type(found).__name__ == kinds


def test_what_is_not_installed_does_not_keep_the_others_from_it(python: Any, tmp_path: Any) -> None:
    code = "import tracekit\n@tracekit.traced\ndef work(): pass\nwork()\n"
    done = python(code, OTEL_TRACES_EXPORTER="no_such,file", TRACEKIT_FILE=str(tmp_path / "spans"))
    assert done.returncode == 0 and "no exporter named 'no_such' is installed" in done.stderr
    assert (tmp_path / "spans").read_text().count('"work"') == 1
