"""Every module imported before the first call: its time and memory, its own and with what it imported.

The interpreter looks `_find_and_load` up by name whenever a module is not loaded yet. Wrapping that one
function sees what `python -X importtime` sees, costs some 2 us a module (6 more where its memory is asked
for), and nothing for modules that are loaded already. It is put back at the first call.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from time import perf_counter_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A process that imports for longer, or more, before its first call is no function: recording ends.
MAX_MODULES = 20_000
MAX_NS = 600 * 10**9
# Asking the kernel for the memory after each quick import would take a part of it worth mentioning.
QUICK_NS = 250_000
# What importlib's own frames are called. Python cuts those from a traceback, and so ours.
_IMPORTLIB_FILE = "<frozen importlib._bootstrap>"
_PAGE = os.sysconf("SC_PAGESIZE") if hasattr(os, "sysconf") else 4096


class Imported:
    """One module. Nanoseconds and bytes, `total` with what it imported in turn. The memory is by how much the
    process grew since it was last looked at, which is after every import that took a while: quick ones grow
    it by a page or two, which counts for the next that is slower."""

    __slots__ = ("depth", "memory", "name", "self_ns", "total_ns")

    def __init__(self, name: str, depth: int) -> None:
        self.name = name
        self.depth = depth
        self.total_ns = 0
        self.self_ns = 0
        self.memory = 0


def _resident() -> int:
    """Bytes of this process in memory; 0 where the kernel does not tell (proc(5): second, in pages)."""
    try:
        # Opened each time: a host that closes all its files while it starts would make us read another's.
        return int(read_proc("/proc/self/statm").split(None, 2)[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def read_proc(path: str) -> bytes:
    """A short file of the kernel's, without the layers that `open` puts above it. Raises OSError."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


class ImportProfile:
    """Records while it runs. Only the thread that started it: others import behind its back."""

    def __init__(self) -> None:
        self._modules: list[Imported] = []
        self._original: Any = None
        self._wrapper: Any = None
        self._resident = 0
        self._until = 0

    @property
    def running(self) -> bool:
        """Whether imports are being recorded."""
        return self._original is not None

    def start(self) -> None:
        """Records imports from now on."""
        bootstrap = sys.modules.get("_frozen_importlib")
        original = getattr(bootstrap, "_find_and_load", None)
        if self._original is not None or original is None:
            return
        self._resident = _resident()
        self._until = perf_counter_ns() + MAX_NS
        self._original = original
        self._wrapper = self._recording(original)
        bootstrap._find_and_load = self._wrapper  # type: ignore[union-attr]

    def stop(self) -> None:
        """Puts the interpreter's function back, unless somebody else has put theirs over ours."""
        bootstrap: Any = sys.modules.get("_frozen_importlib")
        if self._original is not None and bootstrap._find_and_load is self._wrapper:
            bootstrap._find_and_load = self._original
        self._original = None

    def take(self) -> list[Imported]:
        """What was recorded since the last time, in the order in which the imports began."""
        taken, self._modules = self._modules, []
        return taken

    def _recording(self, original: Any) -> Any:
        within: list[int] = []  # for each module being imported: time spent in those it imported
        owner = get_ident()

        def find_and_load(name: str, import_: Any) -> Any:
            begin = perf_counter_ns()
            if self._original is None or get_ident() != owner:
                return original(name, import_)
            if begin > self._until or len(self._modules) >= MAX_MODULES:
                self.stop()
                return original(name, import_)
            module = Imported(name, len(within))
            self._modules.append(module)
            within.append(0)
            before = self._resident
            try:
                return original(name, import_)
            finally:
                module.total_ns = perf_counter_ns() - begin
                module.self_ns = module.total_ns - within.pop()
                if module.total_ns > QUICK_NS:
                    self._resident = _resident() or before
                    module.memory = self._resident - before
                if within:
                    within[-1] += module.total_ns

        find_and_load.__code__ = find_and_load.__code__.replace(
            co_filename=_IMPORTLIB_FILE, co_name="_find_and_load"
        )
        return find_and_load


IMPORTS = ImportProfile()
