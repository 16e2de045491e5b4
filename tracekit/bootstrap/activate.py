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
        from tracekit import handler  # first, and from there: it loads what it needs at half the price
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
        from tracekit import handler  # first, and from there: it loads what it needs at half the price
        from tracekit.lifecycle import LIFECYCLE

        found = original(*args)
        LIFECYCLE.function_loaded()
        return handler(found)

    module.load_function_module = load_function_module
    module.get_user_function = get_user_function


def _knative(module: Any) -> None:
    """func-python: `ASGIApplication(function)` serves the object that `new()` made, by its `handle`."""
    original = module.ASGIApplication.__init__

    def __init__(self: Any, function: Any) -> None:
        try:
            function.handle = _http_only(function.handle)
        except Exception as error:
            report(error, "wrapping a Knative function")
        original(self, function)

    module.ASGIApplication.__init__ = __init__


def _uvicorn(module: Any) -> None:
    """uvicorn: `Config.load()` finds the application. Custom runtimes and containers often are just that."""
    original = module.Config.load

    def load(self: Any) -> None:
        original(self)
        if not _has_own_handlers():
            self.loaded_app = _http_only(self.loaded_app)

    module.Config.load = load


def _gunicorn(module: Any) -> None:
    """gunicorn: `BaseApplication.wsgi()` finds the application and keeps it."""
    original = module.BaseApplication.wsgi

    def wsgi(self: Any) -> Any:
        from tracekit import handler

        found = original(self)
        # Its workers for ASGI (uvicorn's) ask for the application here too.
        if _has_own_handlers() or not callable(found) or _is_asynchronous(found):
            return found
        return handler(found, platform="wsgi")

    module.BaseApplication.wsgi = wsgi


def _has_own_handlers() -> bool:
    """Whether the server belongs to a runtime whose handlers are wrapped themselves, or to tracekit."""
    return "functions_framework" in sys.modules or "tracekit.server" in sys.modules


def _is_asynchronous(application: Any) -> bool:
    call = application if hasattr(application, "__code__") else type(application).__call__
    code = getattr(call, "__code__", None)
    return code is not None and bool(code.co_flags & 0x80)  # a coroutine function, see the inspect module


def _http_only(application: Any) -> Any:
    """An ASGI application with its HTTP requests traced, and its lifespan and websockets left alone."""
    from tracekit import handler

    async def call(scope: Any, receive: Any, send: Any) -> Any:
        return await application(scope, receive, send)

    call.__qualname__ = getattr(application, "__qualname__", type(application).__qualname__)
    traced = handler(call, platform="asgi")

    async def asgi(scope: Any, receive: Any, send: Any) -> Any:
        chosen = traced if scope["type"] == "http" else application
        return await chosen(scope, receive, send)

    return asgi


# The registry: one line for each runtime, the module that loads handlers and how to wrap it.
RUNTIMES: dict[str, Callable[[Any], None]] = {
    "awslambdaric.bootstrap": _lambda,
    "functions_framework._function_registry": _functions_framework,
    "func_python.http": _knative,
    "uvicorn.config": _uvicorn,
    "gunicorn.app.base": _gunicorn,
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
    """Takes our folder off the path, where every import would look first and there is nothing else, and runs
    the sitecustomize that ours hid, if there is one. Processes started by this one get the path anew."""
    from importlib.machinery import PathFinder

    here = own_file.rpartition("/")[0]
    sys.path[:] = [entry for entry in sys.path if entry != here]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None or spec.origin == own_file:
        return
    from importlib.util import module_from_spec

    spec.loader.exec_module(module_from_spec(spec))


def _wrap(name: str) -> None:
    try:
        RUNTIMES[name](sys.modules[name])
    except Exception as error:
        report(error, f"wrapping {name}")
