"""Notices when user code imports opentelemetry, and then connects the bridge (tracekit.otel); or logging.

A finder at the head of sys.meta_path that finds nothing itself: it lets the others find, watches the spec,
and steps aside after its one module. Other imports pay one comparison.
"""

from __future__ import annotations

import sys

from tracekit.guard import report
from tracekit.watch import on_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from tracekit.config import Config

# It imports opentelemetry.context itself, so both are there when it is done.
TARGET = "opentelemetry.trace"
_watched: set[str] = set()


class Finder:
    """Watches the import of one module."""

    def __init__(self, target: str, connect: Callable[[str], None]) -> None:
        self._target = target
        self._connect = connect

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._target:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                on_spec(spec, self._connect)
                return spec
        return None


def connect(name: str = TARGET) -> None:
    """Installs the bridge. Never raises."""
    try:
        from tracekit import otel

        otel.install()
    except Exception as error:
        report(error, "opentelemetry bridge")


def watch() -> None:
    """Connects now if opentelemetry is imported already, else when it is."""
    when_loaded(TARGET, connect)


def when_loaded(target: str, connect: Callable[[str], None]) -> None:
    """Calls `connect(target)` now if the module is imported already, else when it is."""
    module = sys.modules.get(target)
    spec = getattr(module, "__spec__", None)
    if module is None:
        sys.meta_path.insert(0, Finder(target, connect))
    elif spec is not None and spec.__dict__.get("_initializing"):
        on_spec(spec, connect)
    else:
        connect(target)


def watch_output(config: Config) -> None:
    """Takes what user code logs or prints from now on, as far as the configuration asks. Never raises."""
    try:
        if config.logs and "logging" not in _watched:
            _watched.add("logging")
            when_loaded("logging", _connect_logging)
        if config.stdout:
            from tracekit import stdio

            stdio.install()
    except Exception as error:
        report(error, "captured output")


def _connect_logging(name: str) -> None:
    from tracekit import logs

    logs.install()
