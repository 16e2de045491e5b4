"""Payloads of a call as attributes of its span: off by default, masked, bounded (TRACEKIT_CAPTURE)."""

from __future__ import annotations

import json

from tracekit.guard import report
from tracekit.invocation import Observer
from tracekit.redact import Redactor
from tracekit.span import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.config import Config
    from tracekit.invocation import Call


def observe(call: Call, config: Config) -> Capture:
    """Captures the request now, before the handler can change it."""
    return Capture(call, config)


class Capture(Observer):
    """Sets `tracekit.request.payload` and `tracekit.response.payload`, as far as the configuration asks."""

    __slots__ = ("_config", "_redactor")

    def __init__(self, call: Call, config: Config) -> None:
        self._config = config
        self._redactor = Redactor(config.redact_keys)
        if "request" in config.capture:
            self._keep(call, "tracekit.request.payload", call.facts.event)

    def ended(self, call: Call) -> None:
        if "response" in self._config.capture and call.error is None:
            self._keep(call, "tracekit.response.payload", call.result)

    def _keep(self, call: Call, key: str, payload: Any) -> None:
        if not isinstance(call.span, Span) or payload is None:
            return
        try:
            call.span.set_attribute(key, shown(payload, self._redactor, self._config.capture_bytes))
        except Exception as error:  # a mapping of the user's own may do anything when it is read
            report(error, key)


def shown(payload: Any, redactor: Redactor, max_length: int) -> str:
    """The payload as text, masked: JSON where it has a structure, itself where it is text."""
    masked = redactor.value(payload, max_length)
    if isinstance(masked, str):
        return masked
    text = json.dumps(masked, ensure_ascii=False, separators=(",", ":"), default=str)
    # Quotes and commas come on top of what the redactor counted; masked already, so any cut is safe.
    return text if len(text) <= 2 * max_length else text[: 2 * max_length] + "…"
