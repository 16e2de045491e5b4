"""Several exporters at once: OTEL_TRACES_EXPORTER=otlp,console. Each gets every span."""

from __future__ import annotations

from time import monotonic

from tracekit.exporters.base import DONE, REFUSED, RETRY, Exporter, Result
from tracekit.guard import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tracekit.span import Span


class _Bodies:
    """One payload in the words of each exporter, as long as that one has not taken it."""

    __slots__ = ("left", "taken")

    def __init__(self, left: list[tuple[Exporter, Any]]) -> None:
        self.left = left
        self.taken = False


class SeveralExporters(Exporter):
    """Sends to one after the other. A payload is delivered when none of them is to be tried again, and
    refused only if none has taken it."""

    def __init__(self, exporters: list[Exporter]) -> None:
        self._exporters = exporters
        self.timeout_s = max([exporter.timeout_s for exporter in exporters])

    def encode(self, spans: list[Span], resource: Mapping[str, Any], dropped: int) -> tuple[Any, int]:
        made: list[tuple[Exporter, Any]] = []
        whole = 0
        for exporter in self._exporters:
            try:
                body, size = exporter.encode(spans[:], resource, dropped)
            except Exception as error:  # what it needs is not installed: the others shall have them
                report(error, "exporter")
                continue
            made.append((exporter, body))
            whole += size
        return _Bodies(made), whole

    def send(self, body: Any, deadline: float) -> Result:
        """Each may take an equal part of the time that is left: one that hangs leaves some to the others."""
        again: list[tuple[Exporter, Any]] = []
        answers: list[Result] = []
        for index, (exporter, own) in enumerate(body.left):
            now = monotonic()
            share = max(deadline - now, 0.0) / (len(body.left) - index)
            result = _send(exporter, own, now + min(share, exporter.timeout_s))
            answers.append(result)
            if result.outcome == RETRY:
                again.append((exporter, own))
            elif result.outcome == DONE:
                body.taken = True
        body.left = again
        said = "; ".join([answer.message for answer in answers if answer.message])
        if again:
            return Result(RETRY, said, max([answer.retry_after_s for answer in answers]))
        return Result(DONE if body.taken else REFUSED, said)

    def forget_connection(self) -> None:
        for exporter in self._exporters:
            exporter.forget_connection()

    def interrupt(self) -> bool:
        waits = [exporter.interrupt() for exporter in self._exporters]  # each is to be told
        return True in waits

    def close(self) -> None:
        for exporter in self._exporters:
            exporter.close()


def _send(exporter: Exporter, body: Any, deadline: float) -> Result:
    try:
        return exporter.send(body, deadline)
    except Exception as error:
        report(error, "exporter")
        return Result(REFUSED, f"{type(exporter).__name__}: {type(error).__name__}")
