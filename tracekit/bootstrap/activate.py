"""What zero-code start does: waits for the platform's runtime, and wraps what loads the handler."""

from __future__ import annotations

import sys

from tracekit.guard import report
from tracekit.importprofile import IMPORTS
from tracekit.watch import on_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


def _lambda(module: Any) -> None:
    """awslambdaric: `_get_handler("module.function")` imports the function and returns its handler."""
    original = module._get_handler

    def get_handler(name: str) -> Any:
        from tracekit.decorator import handler
        from tracekit.lifecycle import LIFECYCLE

        LIFECYCLE.function_loading()
        try:
            found = original(name)
        finally:
            LIFECYCLE.function_loaded()
        return handler(found, platform="aws_lambda")

    module._get_handler = get_handler


def _functions_framework(module: Any) -> None:
    """functions-framework: `get_user_function(source, module, target)` returns the function."""
    original = module.get_user_function
    load = module.load_function_module

    def load_function_module(source: str) -> Any:
        from tracekit.lifecycle import LIFECYCLE

        LIFECYCLE.function_loading()
        return load(source)

    def get_user_function(*args: Any) -> Any:
        from tracekit.decorator import handler
        from tracekit.lifecycle import LIFECYCLE

        found = original(*args)
        LIFECYCLE.function_loaded()
        return handler(found)

    module.load_function_module = load_function_module
    module.get_user_function = get_user_function


# The registry: one line for each runtime, the module that loads handlers and how to wrap it.
RUNTIMES: dict[str, Callable[[Any], None]] = {
    "awslambdaric.bootstrap": _lambda,
    "functions_framework._function_registry": _functions_framework,
}


class Finder:
    """Watches for the modules of RUNTIMES; finds nothing itself."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in RUNTIMES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                on_spec(spec, _wrap)
                return spec
        return None


def activate() -> None:
    """Starts watching, and recording what is imported."""
    IMPORTS.start()
    sys.meta_path.insert(0, Finder())


def chain(own_file: str) -> None:
    """Runs the sitecustomize that this one hides, if there is one."""
    from importlib.machinery import PathFinder

    here = own_file.rpartition("/")[0]
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if entry != here])
    if spec is None or spec.loader is None or spec.origin == own_file:
        return
    from importlib.util import module_from_spec

    spec.loader.exec_module(module_from_spec(spec))


def _wrap(name: str) -> None:
    try:
        RUNTIMES[name](sys.modules[name])
    except Exception as error:
        report(error, f"wrapping {name}")
