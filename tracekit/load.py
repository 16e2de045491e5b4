"""Imports a function by name, traced, as the phase of the process that it is."""

from __future__ import annotations

import os
import sys

from tracekit.decorator import handler as traced_handler
from tracekit.lifecycle import LIFECYCLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def load(handler: str, initializer: str | None) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Imports the function's code, traced, as the phase it is. Raises whatever the import raises."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    LIFECYCLE.function_loading()
    try:
        found = _find(handler)
        start = _find(initializer) if initializer else None
    finally:
        LIFECYCLE.function_loaded()
    return traced_handler(found), start


def _find(name: str) -> Callable[..., Any]:
    # Function Compute and Lambda write module.function, most others module:function.
    module, separator, attribute = name.partition(":")
    if not separator:
        module, _, attribute = name.rpartition(".")
    if not module or not attribute:
        raise ValueError(f"{name!r} must be module:function")
    found: Any = __import__(module.replace("/", "."), fromlist=("*",))
    for part in attribute.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} is not callable")
    result: Callable[..., Any] = found
    return result
