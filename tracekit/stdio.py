"""What user code prints, line by line as log records, while it is printed as before (TRACEKIT_STDOUT)."""

from __future__ import annotations

import sys
from time import time_ns

from tracekit import pipeline, values
from tracekit.correlation import correlate, handling
from tracekit.guard import report
from tracekit.otlp_logs import LogRecord, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_LINE = 8192


class Tee:
    """Stands for a text stream: everything goes to it, and whole lines are recorded too."""

    def __init__(self, stream: Any, name: str) -> None:
        self._tracekit_stream = stream
        self._tracekit_name = name
        self._tracekit_line = ""

    def write(self, text: str) -> Any:
        """Writes to the stream, as if it were the stream."""
        written = self._tracekit_stream.write(text)
        try:
            if not getattr(handling, "depth", 0):  # a record of logging is known already
                self._tracekit_take(text)
        except Exception as error:
            report(error, "captured output")
        return written

    def writelines(self, lines: Any) -> None:
        """Writes each of the lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracekit_stream, name)

    def __iter__(self) -> Any:
        return iter(self._tracekit_stream)

    def _tracekit_take(self, text: str) -> None:
        *lines, rest = (self._tracekit_line + text).split("\n")
        while len(rest) > _LONGEST_LINE:
            lines.append(rest[:_LONGEST_LINE])
            rest = rest[_LONGEST_LINE:]
        self._tracekit_line = rest
        for line in lines:
            if line.strip():
                _record(line.rstrip("\r"), self._tracekit_name)


def install() -> None:
    """Puts a Tee in place of sys.stdout and sys.stderr, once each."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Tee):
            setattr(sys, name, Tee(stream, name))


def uninstall() -> None:
    """Puts the streams back, where nobody has replaced ours meanwhile."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Tee):
            setattr(sys, name, stream._tracekit_stream)


def _record(line: str, stream: str) -> None:
    said = LogRecord(time_ns(), values.clean(line), {"log.iostream": stream})
    correlate(said)
    pipeline.get().delivery.channel("logs", encode).add(said)
