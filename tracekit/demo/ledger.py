"""What really happened, as the hosts saw it: the truth that the dashboards are checked against."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

CALLER_HEADER = "x-demo-caller"
"""Carries the calling function's name to the hosts, independently of any trace context."""


class Ledger:
    """Exact counts, independent of tracing. Everything is entered when it has finished."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._invocations: Counter[tuple[str, str, str]] = Counter()
        self._started: Counter[str] = Counter()
        self._served: dict[str, set[str]] = {}
        self._queues: dict[str, Counter[str]] = {}
        self._buckets: dict[str, Counter[str]] = {}
        self._alerts: Counter[tuple[str, str]] = Counter()

    def call(self, caller: str, callee: str, kind: str) -> None:
        """One finished call: http, invoke, object, send, or the platform's own storage, deliver, timer."""
        with self._lock:
            self._calls[caller, callee, kind] += 1

    def process_started(self, function: str) -> None:
        with self._lock:
            self._started[function] += 1

    def invocation(self, function: str, version: str, instance: str, outcome: str) -> None:
        """One finished invocation. `outcome` is ok, error, timeout or init_error."""
        with self._lock:
            self._invocations[function, version, outcome] += 1
            if outcome != "init_error":
                self._served.setdefault(function, set()).add(instance)

    def queue(self, name: str, event: str, count: int = 1) -> None:
        """`event` is sent, delivered, batches, redelivered or dead; the unit is messages, but for batches."""
        with self._lock:
            self._queues.setdefault(name, Counter())[event] += count

    def bucket(self, name: str, event: str) -> None:
        """`event` is written, read or missing."""
        with self._lock:
            self._buckets.setdefault(name, Counter())[event] += 1

    def alert(self, rule: str, state: str) -> None:
        """One webhook received. `state` is firing or resolved."""
        with self._lock:
            self._alerts[rule, state] += 1

    def snapshot(self) -> dict[str, Any]:
        """A copy of all counts in the shape that `--ledger` writes."""
        with self._lock:
            return {
                "calls": _rows(self._calls, ("caller", "callee", "kind")),
                "invocations": _rows(self._invocations, ("function", "version", "outcome")),
                "processes": {
                    function: {"started": count, "served": len(self._served.get(function, ()))}
                    for function, count in sorted(self._started.items())
                },
                "queues": {name: dict(counts) for name, counts in sorted(self._queues.items())},
                "buckets": {name: dict(counts) for name, counts in sorted(self._buckets.items())},
                "alerts": _rows(self._alerts, ("rule", "state")),
            }

    def write(self, path: Path) -> None:
        """Writes the snapshot as JSON, complete or not at all."""
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(self.snapshot(), indent=2) + "\n")
        partial.replace(path)


def _rows(counts: Counter[Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, key)) | {"count": count} for key, count in sorted(counts.items())]
