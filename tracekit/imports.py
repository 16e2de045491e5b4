"""Notices when user code imports opentelemetry, and then connects the bridge (tracekit.otel).

A finder at the head of sys.meta_path that finds nothing itself: it lets the others find, watches the spec,
and steps aside after its one module. Other imports pay one comparison.
"""

from __future__ import annotations

import sys

from tracekit.guard import report
from tracekit.watch import on_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# It imports opentelemetry.context itself, so both are there when it is done.
TARGET = "opentelemetry.trace"


class Finder:
    """Watches the import of one module."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != TARGET:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                on_spec(spec, connect)
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
    module = sys.modules.get(TARGET)
    spec = getattr(module, "__spec__", None)
    if module is None:
        sys.meta_path.insert(0, Finder())
    elif spec is not None and spec.__dict__.get("_initializing"):
        on_spec(spec, connect)
    else:
        connect()
